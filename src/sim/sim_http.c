// Just enough HTTP/1.1 for the upgrade and the REST calls; see sim_http.h.
#include "sim_http.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEAD (64u << 10)
#define TLS_HANDSHAKE 22 // the content type that a TLS client begins with (RFC 8446, 5.1)

static enum sim_parse http_fail(struct sim_fault *fault, unsigned status, const char *reason) {
  *fault = (struct sim_fault){status, reason};
  return SIM_PARSE_FAULT;
}

// Cuts the head, which ends in an empty line, into its parts; false if it is not a request.
static bool split_head(struct sim_request *request) {
  char *line_end = strstr(request->head, "\r\n");
  *line_end = '\0';
  request->headers = line_end + 2;
  request->method = request->head;
  char *target = strchr(request->head, ' ');
  char *version = target ? strchr(target + 1, ' ') : NULL;
  if (!version || target[1] != '/' || strncmp(version + 1, "HTTP/1.", 7) != 0) return false;
  *target = *version = '\0';
  request->path = target + 1;
  request->version = version + 1;
  request->query = version; // the NUL: an empty query
  char *question = strchr(target + 1, '?');
  if (question) {
    *question = '\0';
    request->query = question + 1;
  }
  for (char *line = line_end + 2; *line;) {
    char *end = strstr(line, "\r\n");
    *end = '\0';
    if (!strchr(line, ':')) return false;
    line = end + 2;
  }
  return true;
}

static enum sim_parse parse_body(const unsigned char *data, size_t length, struct sim_request *request, size_t *used,
                                 struct sim_fault *fault) {
  const char *declared = sim_request_header(request, "content-length");
  if (sim_request_header(request, "transfer-encoding")) return http_fail(fault, 411, "the body needs a Content-Length");
  char *end = NULL;
  unsigned long size = declared ? strtoul(declared, &end, 10) : 0;
  if (declared && (!isdigit((unsigned char)*declared) || *end))
    return http_fail(fault, 400, "Content-Length is not a number");
  if (size > SIM_MAX_MESSAGE) return http_fail(fault, 413, "body above 1 MiB");
  if (length - *used < size) return SIM_PARSE_MORE;
  request->body = sim_copy((const char *)data + *used, size);
  request->body_length = size;
  *used += size;
  return SIM_PARSE_DONE;
}

enum sim_parse sim_request_parse(const unsigned char *data, size_t length, struct sim_request *request, size_t *used,
                                 struct sim_fault *fault) {
  *request = (struct sim_request){0};
  if (length > 0 && data[0] == TLS_HANDSHAKE) return http_fail(fault, 400, "TLS on a port without it");
  const unsigned char *end = length >= 4 ? memmem(data, length, "\r\n\r\n", 4) : NULL;
  if (!end && length > MAX_HEAD) return http_fail(fault, 431, "request header above 64 KiB");
  if (!end) return SIM_PARSE_MORE;
  size_t head = (size_t)(end - data) + 4;
  if (memchr(data, '\0', head)) return http_fail(fault, 400, "NUL in the request header");
  // The empty line becomes the terminator of the list of headers.
  request->head = sim_copy((const char *)data, head);
  request->head[head - 2] = '\0';
  *used = head;
  enum sim_parse result = split_head(request) ? parse_body(data, length, request, used, fault)
                                              : http_fail(fault, 400, "not an HTTP/1.1 request");
  if (result != SIM_PARSE_DONE) sim_request_free(request);
  return result;
}

void sim_request_free(struct sim_request *request) {
  free(request->head);
  free((char *)request->body);
  *request = (struct sim_request){0};
}

const char *sim_request_header(const struct sim_request *request, const char *name) {
  size_t length = strlen(name);
  for (const char *line = request->headers; *line; line += strlen(line) + 2) {
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
    line += length + 1;
    return line + strspn(line, " \t");
  }
  return NULL;
}

bool sim_request_has_token(const struct sim_request *request, const char *name, const char *token) {
  const char *value = sim_request_header(request, name);
  size_t wanted = strlen(token);
  while (value && *value) {
    value += strspn(value, " \t,");
    size_t length = strcspn(value, " \t,");
    if (length == wanted && strncasecmp(value, token, length) == 0) return true;
    value += length;
  }
  return false;
}

static int hex_digit(char c) {
  if (isdigit((unsigned char)c)) return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *sim_percent_decode(const char *text, size_t length) {
  char *out = sim_alloc(length + 1);
  size_t n = 0;
  for (size_t i = 0; i < length; i++) {
    int high = i + 2 < length && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out[n++] = (char)(high << 4 | low);
      i += 2;
    } else {
      out[n++] = text[i];
    }
  }
  return out;
}

// A '+' in a query is a space (application/x-www-form-urlencoded).
static char *form_decode(const char *text, size_t length) {
  char *copy = sim_copy(text, length);
  for (char *plus = copy; (plus = strchr(plus, '+'));) *plus = ' ';
  char *decoded = sim_percent_decode(copy, length);
  free(copy);
  return decoded;
}

char *sim_request_parameter(const struct sim_request *request, const char *name) {
  size_t length = strlen(name);
  for (const char *pair = request->query; *pair;) {
    size_t size = strcspn(pair, "&");
    if (size > length && strncmp(pair, name, length) == 0 && pair[length] == '=')
      return form_decode(pair + length + 1, size - length - 1);
    pair += size + (pair[size] == '&');
  }
  return NULL;
}

void sim_accept_value(const char *key, char out[SIM_ACCEPT_SIZE]) {
  struct sim_buffer text = {0};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  sim_buffer_printf(&text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  EVP_Digest(text.data, text.length, digest, &size, EVP_sha1(), NULL);
  EVP_EncodeBlock((unsigned char *)out, digest, (int)size);
  sim_buffer_free(&text);
}

static const char *reason_phrase(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 422: return "Unprocessable Entity";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return status < 400 ? "Other" : status < 500 ? "Client Error" : "Server Error";
  }
}

void sim_http_answer(struct sim_buffer *out, int status, const json_t *headers, const char *body, size_t length) {
  const char *name;
  json_t *value;
  sim_buffer_printf(out, "HTTP/1.1 %d %s\r\n", status, reason_phrase(status));
  json_object_foreach((json_t *)headers, name, value)
      sim_buffer_printf(out, "%s: %s\r\n", name, json_string_value(value));
  if (status != 101 && status != 204) sim_buffer_printf(out, "Content-Length: %zu\r\n", length);
  sim_buffer_add_string(out, "\r\n");
  sim_buffer_add(out, body, length);
}

void sim_http_upgrade(struct sim_buffer *out, const char *key, const json_t *headers) {
  char accept[SIM_ACCEPT_SIZE];
  sim_accept_value(key, accept);
  json_t *all =
      json_pack("{s:s, s:s, s:s}", "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Accept", accept);
  json_object_update(all, (json_t *)headers);
  sim_http_answer(out, 101, all, NULL, 0);
  json_decref(all);
}

void sim_http_preflight(struct sim_buffer *out) {
  json_t *headers = json_pack("{s:s, s:s, s:s, s:s}", SIM_ANY_ORIGIN, "Access-Control-Allow-Methods", "GET, POST",
                              "Access-Control-Allow-Headers", "*, Authorization", "Access-Control-Max-Age", "600");
  sim_http_answer(out, 204, headers, NULL, 0);
  json_decref(headers);
}
