/* The floor under every client: asks for the same replies over the same WebSocket as bench/stream.lua, reads what comes
 * and looks at nothing but the end. Prints CPU microseconds an update.
 *
 * usage: read_socket PORT REPLIES UPDATES */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  return fd;
}

static void write_all(int fd, const char *bytes, size_t n) {
  if (write(fd, bytes, n) != (ssize_t)n) fail("write");
}

/* Reads until `mark` was seen near the end of what has come. */
static void read_until(int fd, const char *mark) {
  for (;;) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) fail("recv");
    size_t look = n < 2048 ? (size_t)n : 2048;
    if (memmem(buffer + n - look, look, mark, strlen(mark))) return;
  }
}

static void ask(int fd) {
  static const char json[] = "{\"task_id\":\"bench\",\"text\":\"go\"}";
  char frame[6 + sizeof json - 1] = {(char)0x81, (char)(0x80 | (sizeof json - 1))}; /* a mask of zeros */
  memcpy(frame + 6, json, sizeof json - 1);
  write_all(fd, frame, sizeof frame);
  read_until(fd, "\"followup_suggestions\"");
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int fd = dial(atoi(argv[1])), replies = atoi(argv[2]), updates = atoi(argv[3]);
  static const char request[] = "GET /api/v1/external/session HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  write_all(fd, request, sizeof request - 1);
  read_until(fd, "\r\n\r\n");
  for (int i = 0; i < 10; i++) ask(fd);
  clock_t start = clock();
  for (int i = 0; i < replies; i++) ask(fd);
  printf("%.4f\n", (double)(clock() - start) / CLOCKS_PER_SEC / ((double)replies * updates) * 1e6);
  close(fd);
}
