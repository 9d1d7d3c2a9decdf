// Compressed messages of a server; see sim_deflate.h.
#include "sim_deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHUNK 4096
#define TAIL "\x00\x00\xff\xff" // what a sender leaves out of a payload (RFC 7692, 7.2.1)
#define TAIL_SIZE 4

// ---- the offer -----------------------------------------------------------------------------------

static char *trim(char *text) {
  text += strspn(text, " \t");
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t", text[length - 1])) length--;
  text[length] = '\0';
  return text;
}

// The value of a parameter, in bits: from 8 to 15, 0 if it is none.
static int bits_of(const char *value) {
  char *end;
  long bits = strtol(value, &end, 10);
  return *end == '\0' && *value != '0' && bits >= 8 && bits <= 15 ? (int)bits : 0;
}

// Whether it can keep what this parameter of an offer asks for.
static bool take_parameter(struct sim_deflate *deflate, char *parameter) {
  char *value = strchr(parameter, '=');
  if (value) *value++ = '\0';
  const char *name = trim(parameter);
  if (value) value = trim(value);
  if (strcmp(name, "client_max_window_bits") == 0) return !value || bits_of(value) > 0; // its hint is not needed
  if (strcmp(name, "server_max_window_bits") == 0) {
    deflate->server_bits = value ? bits_of(value) : 0;
    return deflate->server_bits > 8; // zlib does not know 8
  }
  if (value) return false;
  if (strcmp(name, "server_no_context_takeover") == 0) {
    deflate->server_takeover = false;
    return true;
  }
  if (strcmp(name, "client_no_context_takeover") != 0) return false;
  deflate->client_takeover = false;
  return true;
}

static bool take_offer(struct sim_deflate *deflate, char *offer) {
  char *rest = NULL, *name = strtok_r(offer, ";", &rest);
  *deflate = (struct sim_deflate){.agreed = true, .server_takeover = true, .client_takeover = true, .server_bits = 15};
  if (!name || strcmp(trim(name), "permessage-deflate") != 0) return false;
  for (char *parameter; (parameter = strtok_r(NULL, ";", &rest));)
    if (!take_parameter(deflate, parameter)) return false;
  return true;
}

bool sim_deflate_agree(struct sim_deflate *deflate, const char *offers, char answer[SIM_DEFLATE_ANSWER]) {
  char *copy = sim_copy(offers ? offers : "", offers ? strlen(offers) : 0), *rest = NULL;
  bool agreed = false;
  for (char *offer = strtok_r(copy, ",", &rest); offer && !agreed; offer = strtok_r(NULL, ",", &rest))
    agreed = take_offer(deflate, offer);
  free(copy);
  if (!agreed) *deflate = (struct sim_deflate){0};
  char bits[64] = "";
  if (deflate->server_bits < 15) snprintf(bits, sizeof bits, "; server_max_window_bits=%d", deflate->server_bits);
  snprintf(answer, SIM_DEFLATE_ANSWER, "permessage-deflate%s%s%s",
           deflate->server_takeover ? "" : "; server_no_context_takeover",
           deflate->client_takeover ? "" : "; client_no_context_takeover", bits);
  return agreed;
}

// ---- messages ------------------------------------------------------------------------------------

static _Noreturn void fail_in_zlib(void) {
  fputs("aui-sim: zlib is out of memory\n", stderr);
  exit(1);
}

static z_stream *compressor(struct sim_deflate *deflate) {
  if (!deflate->out) {
    deflate->out = sim_alloc(sizeof *deflate->out);
    if (deflateInit2(deflate->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -deflate->server_bits, 8, Z_DEFAULT_STRATEGY))
      fail_in_zlib();
  } else if (!deflate->server_takeover) {
    deflateReset(deflate->out);
  }
  return deflate->out;
}

static void compress_part(z_stream *stream, const struct sim_buffer *part, int flush, struct sim_buffer *payload) {
  unsigned char chunk[CHUNK];
  stream->next_in = part->data;
  stream->avail_in = (uInt)part->length;
  do {
    stream->next_out = chunk;
    stream->avail_out = CHUNK;
    deflate(stream, flush);
    sim_buffer_add(payload, chunk, CHUNK - stream->avail_out);
  } while (stream->avail_out == 0);
}

void sim_deflate_message(struct sim_deflate *deflate, const struct sim_buffer *first, const struct sim_buffer *second,
                         struct sim_buffer *payload) {
  if (first->length + second->length == 0) {
    sim_buffer_add(payload, "", 1); // zlib flushes nothing but once (RFC 7692, 7.2.3.6)
    return;
  }
  z_stream *stream = compressor(deflate);
  compress_part(stream, first, Z_NO_FLUSH, payload);
  compress_part(stream, second, Z_SYNC_FLUSH, payload);
  payload->length -= TAIL_SIZE;
}

static z_stream *inflater(struct sim_deflate *deflate) {
  if (!deflate->in) {
    deflate->in = sim_alloc(sizeof *deflate->in);
    if (inflateInit2(deflate->in, -15)) fail_in_zlib();
  } else if (!deflate->client_takeover) {
    inflateReset(deflate->in);
  }
  return deflate->in;
}

enum sim_inflation sim_inflate_message(struct sim_deflate *deflate, struct sim_buffer *payload, size_t most,
                                       struct sim_buffer *message) {
  z_stream *stream = inflater(deflate);
  unsigned char chunk[CHUNK];
  sim_buffer_add(payload, TAIL, TAIL_SIZE);
  stream->next_in = payload->data;
  stream->avail_in = (uInt)payload->length;
  do {
    stream->next_out = chunk;
    stream->avail_out = CHUNK;
    int result = inflate(stream, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR) return SIM_INFLATE_FAULT;
    size_t made = CHUNK - stream->avail_out;
    if (made > most - message->length) return SIM_INFLATE_TOO_BIG;
    sim_buffer_add(message, chunk, made);
  } while (stream->avail_out == 0);
  return stream->avail_in == 0 ? SIM_INFLATED : SIM_INFLATE_FAULT;
}

void sim_deflate_free(struct sim_deflate *deflate) {
  if (deflate->out) deflateEnd(deflate->out);
  if (deflate->in) inflateEnd(deflate->in);
  free(deflate->out);
  free(deflate->in);
  *deflate = (struct sim_deflate){0};
}
