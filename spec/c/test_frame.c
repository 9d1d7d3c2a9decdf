/* Frames: every rule of RFC 6455, section 5, that a client has to check, however the input is sliced, and what is
 * written, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/frame.h"
#include "support.h"

#define BYTES(literal) (literal), sizeof(literal) - 1
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- reading: a transcript of all that the reader reports ---- */

enum { LIMIT = 1000, TRANSCRIPT = 1024 };

typedef struct {
  aui_frame_reader reader;
  aui_frame_result result; /* the last one */
  size_t consumed;
  aui_buffer message; /* the slices so far */
  char transcript[TRANSCRIPT];
} session;

/* A payload in words: itself, or for a long run of one letter "x*65536". */
static void note_payload(session *s, const char *what, const void *payload, size_t n) {
  size_t used = strlen(s->transcript);
  const char *text = payload;
  size_t run = 0;
  while (run < n && text[run] == text[0]) run++;
  if (n > 8 && run == n)
    snprintf(s->transcript + used, TRANSCRIPT - used, "%s %c*%zu;", what, text[0], n);
  else
    snprintf(s->transcript + used, TRANSCRIPT - used, "%s %.*s;", what, (int)n, n ? text : "");
}

static void note_frame(session *s, const aui_frame *frame) {
  char what[32];
  switch (s->result) {
    case AUI_FRAME_TEXT:
    case AUI_FRAME_BINARY:
      assert_true(aui_buffer_append(&s->message, frame->data, frame->len));
      if (!frame->last) return;
      note_payload(s, s->result == AUI_FRAME_TEXT ? "text" : "binary", s->message.data, s->message.len);
      s->message.len = 0;
      return;
    case AUI_FRAME_PING: note_payload(s, "ping", frame->data, frame->len); return;
    case AUI_FRAME_PONG: note_payload(s, "pong", frame->data, frame->len); return;
    case AUI_FRAME_CLOSE:
      snprintf(what, sizeof what, "close %u", frame->close_code);
      note_payload(s, what, frame->data, frame->len);
      return;
    default: fail_msg("result %d is none that has a frame", s->result);
  }
}

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  session *s = context;
  const uint8_t *input = slice, *end = slice + n;
  for (;;) {
    aui_frame frame;
    const uint8_t *before = input;
    s->result = aui_frame_read(&s->reader, &input, end, &frame);
    assert_true(input >= before && input <= end);
    s->consumed += (size_t)(input - before);
    if (s->result == AUI_FRAME_NEED_MORE) {
      assert_ptr_equal(input, end);
      return true;
    }
    if (s->result < 0) return false;
    if (s->result <= AUI_FRAME_BINARY) assert_true(frame.data >= before && frame.data + frame.len == input);
    note_frame(s, &frame);
  }
}

static void assert_reads(const char *name, const void *bytes, size_t n, uint64_t limit, const char *transcript,
                         aui_frame_result result) {
  for (int way = 0; way < FEED_WAYS; way++) {
    session s = {0};
    aui_frame_init(&s.reader, limit);
    feed(way, bytes, n, read_slice, &s);
    if (strcmp(s.transcript, transcript) != 0 || s.result != result)
      fail_msg("%s, %s: \"%s\" and %d instead of \"%s\" and %d", name, feed_way_names[way], s.transcript, s.result,
               transcript, result);
    aui_buffer_free(&s.message);
  }
}

/* ---- reading: what is allowed ---- */

static const struct {
  const char *name;
  const char *bytes;
  size_t n;
  const char *transcript;
} valid[] = {
    {"nothing", BYTES(""), ""},
    /* RFC 6455, 5.7, as far as a client may receive it */
    {"a single-frame text message", BYTES("\x81\x05Hello"), "text Hello;"},
    {"a fragmented text message", BYTES("\x01\x03Hel\x80\x02lo"), "text Hello;"},
    {"a ping", BYTES("\x89\x05Hello"), "ping Hello;"},
    {"a pong", BYTES("\x8A\x05Hello"), "pong Hello;"},

    {"two messages",
     BYTES("\x81\x01p"
           "\x81\x01q"),
     "text p;text q;"},
    {"an empty message", BYTES("\x81\x00"), "text ;"},
    {"an empty message between two",
     BYTES("\x81\x01p"
           "\x81\x00\x81\x01q"),
     "text p;text ;text q;"},
    {"an empty message of three fragments", BYTES("\x01\x00\x00\x00\x80\x00"), "text ;"},
    {"an empty first fragment", BYTES("\x01\x00\x80\x02hi"), "text hi;"},
    {"an empty last fragment", BYTES("\x01\x02hi\x80\x00"), "text hi;"},
    {"empty fragments inside", BYTES("\x01\x01h\x00\x00\x00\x00\x80\x01i"), "text hi;"},
    {"a ping inside a message", BYTES("\x01\x03Hel\x89\x02??\x80\x02lo"), "ping ??;text Hello;"},
    {"a pong inside a message", BYTES("\x01\x03Hel\x8A\x00\x80\x02lo"), "pong ;text Hello;"},
    {"a close inside a message", BYTES("\x01\x03Hel\x88\x02\x03\xE8"), "close 1000 ;"},
    {"a message after a fragmented one", BYTES("\x01\x01h\x80\x01i\x81\x02yo"), "text hi;text yo;"},
    {"an empty ping and pong", BYTES("\x89\x00\x8A\x00"), "ping ;pong ;"},
    {"a character in two fragments", BYTES("\x01\x01\xC3\x80\x01\xA9"), "text \xC3\xA9;"},

    {"a binary message", BYTES("\x82\x02\xFF\xC0"), "binary \xFF\xC0;"},
    {"an empty binary message", BYTES("\x82\x00"), "binary ;"},
    {"a fragmented binary message between two of text", BYTES("\x81\x01p\x02\x01h\x89\x00\x80\x01i\x81\x01q"),
     "text p;ping ;binary hi;text q;"},

    {"a close without a code", BYTES("\x88\x00"), "close 1005 ;"},
    {"a close with a code", BYTES("\x88\x02\x03\xF0"), "close 1008 ;"},
    {"a close with a reason", BYTES("\x88\x0F\x03\xF0Invalid key\xC3\xA9"), "close 1008 Invalid key\xC3\xA9;"},
    {"what follows a close", BYTES("\x88\x00\x89\x00"), "close 1005 ;ping ;"},

    {"a head that is cut", BYTES("\x81\x7E\x01"), ""},
    {"a message that is cut", BYTES("\x81\x05Hel"), ""},
    {"a ping that is cut", BYTES("\x89\x05Hel"), ""},
    {"a message without its last fragment", BYTES("\x01\x05Hello"), ""},
};

static void test_valid_input(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(valid); i++)
    assert_reads(valid[i].name, valid[i].bytes, valid[i].n, LIMIT, valid[i].transcript, AUI_FRAME_NEED_MORE);
}

/* Writes the head of a server's text frame in its shortest form. Returns its size. */
static size_t text_head(uint8_t *out, uint64_t n) {
  size_t extended = n < 126 ? 0 : n < 65536 ? 2 : 8;
  out[0] = 0x81;
  out[1] = extended == 0 ? (uint8_t)n : extended == 2 ? 126 : 127;
  for (size_t i = 0; i < extended; i++) out[2 + i] = (uint8_t)(n >> 8 * (extended - 1 - i));
  return 2 + extended;
}

/* Two frames of each length, to see that the reader knows where the first ends. */
static void test_lengths(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 9, 124, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537, 200000};
  for (size_t i = 0; i < COUNT(lengths); i++) {
    size_t n = lengths[i];
    uint8_t *bytes = malloc(2 * (10 + n));
    assert_non_null(bytes);
    size_t size = text_head(bytes, n);
    memset(bytes + size, 'x', n);
    size += n;
    memcpy(bytes + size, bytes, size);
    char name[32], transcript[64] = "";
    snprintf(name, sizeof name, "%zu bytes", n);
    snprintf(transcript, sizeof transcript,
             n > 8 ? "text x*%zu;text x*%zu;"
             : n   ? "text x;text x;"
                   : "text ;text ;",
             n, n);
    assert_reads(name, bytes, 2 * size, n, transcript, AUI_FRAME_NEED_MORE);
    free(bytes);
  }
}

static void test_longest_control_frames(void **state) {
  (void)state;
  uint8_t bytes[2 + AUI_FRAME_MAX_CONTROL] = {0x89, AUI_FRAME_MAX_CONTROL};
  memset(bytes + 2, 'x', AUI_FRAME_MAX_CONTROL);
  assert_reads("ping", bytes, sizeof bytes, 0, "ping x*125;", AUI_FRAME_NEED_MORE);
  bytes[0] = 0x8A;
  assert_reads("pong", bytes, sizeof bytes, 0, "pong x*125;", AUI_FRAME_NEED_MORE);
  bytes[0] = 0x88;
  bytes[2] = 0x03;
  bytes[3] = 0xE8;
  assert_reads("close", bytes, sizeof bytes, 0, "close 1000 x*123;", AUI_FRAME_NEED_MORE);
}

/* A close frame is complete before it is reported, and points to memory that outlives the input. */
static void test_control_payload_outlives_the_input(void **state) {
  (void)state;
  aui_frame_reader reader;
  aui_frame frame;
  aui_frame_init(&reader, LIMIT);
  char bytes[] = "\x89\x05Hello";
  const uint8_t *input = (const uint8_t *)bytes, *end = input + sizeof bytes - 1;
  assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_PING);
  memset(bytes, '#', sizeof bytes);
  assert_true(frame.last);
  assert_int_equal(frame.len, 5);
  assert_memory_equal(frame.data, "Hello", 5);
}

/* The slices of a text frame are reported as they come, `last` with the last one only. */
static void test_slices(void **state) {
  (void)state;
  static const char *const pieces[] = {"\x81", "\x06Hel", "lo", "!\x81"};
  static const char *const slices[] = {NULL, "Hel", "lo", "!"};
  aui_frame_reader reader;
  aui_frame_init(&reader, LIMIT);
  for (size_t i = 0; i < COUNT(pieces); i++) {
    size_t n = strlen(pieces[i]);
    const uint8_t *input = guarded(pieces[i], n), *end = input + n;
    aui_frame frame;
    if (slices[i]) {
      assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_TEXT);
      assert_int_equal(frame.len, strlen(slices[i]));
      assert_memory_equal(frame.data, slices[i], frame.len);
      assert_int_equal(frame.last, slices[i][0] == '!');
    }
    assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_NEED_MORE);
    assert_ptr_equal(input, end);
  }
}

/* ---- reading: compressed messages (RFC 7692, 6) ---- */

static void test_compressed_messages(void **state) {
  (void)state;
  static const char bytes[] = "\xC1\x02\x01\x02\x81\x01p\x42\x01\x03\x89\x00\x80\x01\x04\xC1\x00";
  static const struct {
    aui_frame_result result;
    size_t len;
    bool last, compressed;
  } expected[] = {{AUI_FRAME_TEXT, 2, true, true},       {AUI_FRAME_TEXT, 1, true, false},
                  {AUI_FRAME_BINARY, 1, false, true},    {AUI_FRAME_PING, 0, true, false},
                  {AUI_FRAME_BINARY, 1, true, true},     {AUI_FRAME_TEXT, 0, true, true},
                  {AUI_FRAME_NEED_MORE, 0, false, false}};
  aui_frame_reader reader;
  aui_frame_init(&reader, LIMIT);
  aui_frame_allow_compression(&reader);
  const uint8_t *input = (const uint8_t *)bytes, *end = input + sizeof bytes - 1;
  for (size_t i = 0; i < COUNT(expected); i++) {
    aui_frame frame = {0};
    assert_int_equal(aui_frame_read(&reader, &input, end, &frame), expected[i].result);
    assert_int_equal(frame.len, expected[i].len);
    assert_int_equal(frame.last, expected[i].last);
    assert_int_equal(frame.compressed, expected[i].compressed);
  }
}

/* RSV1 means something in the first frame of a message alone, and the other bits never do. */
static void test_reserved_bits_beside_compression(void **state) {
  (void)state;
  static const char *const inputs[] = {"\xA1", "\xE1", "\x91", "\xC9", "\xC8", "\xCA", "\x41\x01x\xC0", "\xC3"};
  for (size_t i = 0; i < COUNT(inputs); i++) {
    aui_frame_reader reader;
    aui_frame frame;
    aui_frame_init(&reader, LIMIT);
    aui_frame_allow_compression(&reader);
    const uint8_t *input = (const uint8_t *)inputs[i], *end = input + strlen(inputs[i]);
    aui_frame_result result;
    do result = aui_frame_read(&reader, &input, end, &frame);
    while (result > 0);
    assert_int_equal(result, AUI_FRAME_RESERVED_BITS);
  }
}

/* A message may be longer on the wire than it is, but not for ever. */
static void test_limit_of_compressed_messages(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    aui_frame_result result;
  } cases[] = {{"\xC1\x54", AUI_FRAME_NEED_MORE},
               {"\xC1\x55", AUI_FRAME_TOO_BIG},
               {"\x81\x0B", AUI_FRAME_TOO_BIG},
               {"\x41\x01x\x00\x53", AUI_FRAME_NEED_MORE},
               {"\x41\x01x\x00\x54", AUI_FRAME_TOO_BIG}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    aui_frame_reader reader;
    aui_frame frame;
    aui_frame_init(&reader, 10);
    aui_frame_allow_compression(&reader);
    size_t n = i < 3 ? 2 : 5;
    const uint8_t *input = (const uint8_t *)cases[i].bytes, *end = input + n;
    aui_frame_result result;
    do result = aui_frame_read(&reader, &input, end, &frame);
    while (result > 0);
    assert_int_equal(result, cases[i].result);
  }
}

static void test_empty_input(void **state) {
  (void)state;
  aui_frame_reader reader;
  aui_frame frame;
  aui_frame_init(&reader, LIMIT);
  static const char *const pieces[] = {"", "\x89", "\x02", "p", "b\x81", "\x02", "c"};
  static const aui_frame_result results[] = {0, 0, 0, 0, AUI_FRAME_PING, 0, AUI_FRAME_TEXT};
  for (size_t i = 0; i < COUNT(pieces); i++) {
    const uint8_t *nothing = NULL;
    assert_int_equal(aui_frame_read(&reader, &nothing, NULL, &frame), AUI_FRAME_NEED_MORE);
    const uint8_t *input = (const uint8_t *)pieces[i], *end = input + strlen(pieces[i]);
    assert_int_equal(aui_frame_read(&reader, &input, end, &frame), results[i]);
    assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_NEED_MORE);
  }
}

/* ---- reading: violations ---- */

/* `at` is the index of the byte that shows the violation. */
static const struct {
  const char *name;
  const char *bytes;
  size_t n;
  size_t at;
  aui_frame_result result;
} violations[] = {
    {"a masked frame (5.7)", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 1, AUI_FRAME_MASKED},
    {"a masked frame of length 0", BYTES("\x81\x80"), 1, AUI_FRAME_MASKED},
    {"a masked ping", BYTES("\x89\x80"), 1, AUI_FRAME_MASKED},
    {"RSV1", BYTES("\xC1\x00"), 0, AUI_FRAME_RESERVED_BITS},
    {"RSV2", BYTES("\xA1\x00"), 0, AUI_FRAME_RESERVED_BITS},
    {"RSV3", BYTES("\x91\x00"), 0, AUI_FRAME_RESERVED_BITS},
    {"RSV1 in a control frame", BYTES("\xC9\x00"), 0, AUI_FRAME_RESERVED_BITS},
    {"RSV1 in a continuation", BYTES("\x01\x01h\xC0\x01i"), 3, AUI_FRAME_RESERVED_BITS},
    {"opcode 3", BYTES("\x83\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 4", BYTES("\x84\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 5", BYTES("\x85\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 6", BYTES("\x86\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 7", BYTES("\x87\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 11", BYTES("\x8B\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 12", BYTES("\x8C\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 13", BYTES("\x8D\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 14", BYTES("\x8E\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"opcode 15", BYTES("\x8F\x00"), 0, AUI_FRAME_RESERVED_OPCODE},
    {"a ping of 126 bytes", BYTES("\x89\x7E\x00\x7E"), 1, AUI_FRAME_CONTROL_TOO_LONG},
    {"a pong with a 64-bit length", BYTES("\x8A\x7F"), 1, AUI_FRAME_CONTROL_TOO_LONG},
    {"a close of 126 bytes", BYTES("\x88\x7E\x00\x7E"), 1, AUI_FRAME_CONTROL_TOO_LONG},
    {"a fragmented ping", BYTES("\x09\x00"), 0, AUI_FRAME_CONTROL_FRAGMENTED},
    {"a fragmented pong", BYTES("\x0A\x00"), 0, AUI_FRAME_CONTROL_FRAGMENTED},
    {"a fragmented close", BYTES("\x08\x00"), 0, AUI_FRAME_CONTROL_FRAGMENTED},
    {"a continuation of nothing", BYTES("\x80\x00"), 0, AUI_FRAME_UNEXPECTED_CONTINUATION},
    {"an open continuation of nothing", BYTES("\x00\x00"), 0, AUI_FRAME_UNEXPECTED_CONTINUATION},
    {"a continuation after a message", BYTES("\x81\x02hi\x80\x00"), 4, AUI_FRAME_UNEXPECTED_CONTINUATION},
    {"a continuation after a fragmented one", BYTES("\x01\x00\x80\x00\x80\x00"), 4, AUI_FRAME_UNEXPECTED_CONTINUATION},
    {"text inside a message", BYTES("\x01\x01h\x81\x01i"), 3, AUI_FRAME_INTERLEAVED},
    {"text inside an empty message", BYTES("\x01\x00\x01\x00"), 2, AUI_FRAME_INTERLEAVED},
    {"binary inside a message", BYTES("\x01\x01h\x82\x01i"), 3, AUI_FRAME_INTERLEAVED},
    {"text after a ping inside a message", BYTES("\x01\x00\x89\x00\x81\x00"), 4, AUI_FRAME_INTERLEAVED},
    {"0 in 16 bits", BYTES("\x81\x7E\x00\x00"), 3, AUI_FRAME_BAD_LENGTH},
    {"125 in 16 bits", BYTES("\x81\x7E\x00\x7D"), 3, AUI_FRAME_BAD_LENGTH},
    {"0 in 64 bits", BYTES("\x81\x7F\0\0\0\0\0\0\0\0"), 9, AUI_FRAME_BAD_LENGTH},
    {"125 in 64 bits", BYTES("\x81\x7F\0\0\0\0\0\0\0\x7D"), 9, AUI_FRAME_BAD_LENGTH},
    {"65535 in 64 bits", BYTES("\x81\x7F\0\0\0\0\0\0\xFF\xFF"), 9, AUI_FRAME_BAD_LENGTH},
    {"the top bit", BYTES("\x81\x7F\x80\0\0\0\0\1\0\0"), 9, AUI_FRAME_BAD_LENGTH},
    {"all bits", BYTES("\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 9, AUI_FRAME_BAD_LENGTH},
    {"text inside a binary message", BYTES("\x02\x01h\x81\x01i"), 3, AUI_FRAME_INTERLEAVED},
    {"half a close code", BYTES("\x88\x01\x03"), 1, AUI_FRAME_BAD_CLOSE},
    {"a close reason of half a character", BYTES("\x88\x03\x03\xE8\xC3"), 4, AUI_FRAME_BAD_CLOSE_REASON},
    {"a close reason with a surrogate", BYTES("\x88\x05\x03\xE8\xED\xA0\x80"), 6, AUI_FRAME_BAD_CLOSE_REASON},
    {"65536 bytes", BYTES("\x81\x7F\0\0\0\0\0\1\0\0"), 9, AUI_FRAME_TOO_BIG},
    {"2^63 - 1 bytes", BYTES("\x81\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 9, AUI_FRAME_TOO_BIG},
    {"1001 bytes", BYTES("\x81\x7E\x03\xE9"), 3, AUI_FRAME_TOO_BIG},
    {"two wrongs: the first counts", BYTES("\xC3\x80"), 0, AUI_FRAME_RESERVED_BITS},
};

/* Each alone, and between a message and more bytes, so that its head is neither the first nor the last thing. */
static void test_violations(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(violations); i++) {
    const char *name = violations[i].name;
    enum { BEFORE = 4, BEHIND = 16 };
    size_t n = violations[i].n;
    uint8_t bytes[64] = "\x81\x02ok";
    assert_true(BEFORE + n + BEHIND <= sizeof bytes);
    memcpy(bytes + BEFORE, violations[i].bytes, n);

    for (int way = 0; way < FEED_WAYS; way++) {
      session alone = {0}, between = {0};
      aui_frame_init(&alone.reader, LIMIT);
      aui_frame_init(&between.reader, LIMIT);
      feed(way, bytes + BEFORE, n, read_slice, &alone);
      feed(way, bytes, BEFORE + n + BEHIND, read_slice, &between);
      if (alone.result != violations[i].result || between.result != violations[i].result)
        fail_msg("%s, %s: %d, %d", name, feed_way_names[way], alone.result, between.result);
      if (way == FEED_BYTES && alone.consumed != violations[i].at + 1)
        fail_msg("%s: seen after %zu bytes", name, alone.consumed);
      aui_buffer_free(&alone.message);
      aui_buffer_free(&between.message);
    }
  }
}

static void test_every_close_code(void **state) {
  (void)state;
  for (unsigned code = 0; code < 65536; code++) {
    bool allowed = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    const uint8_t bytes[] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
    const uint8_t *input = bytes;
    aui_frame_reader reader;
    aui_frame frame;
    aui_frame_init(&reader, LIMIT);
    aui_frame_result result = aui_frame_read(&reader, &input, bytes + sizeof bytes, &frame);
    if (result != (allowed ? AUI_FRAME_CLOSE : AUI_FRAME_BAD_CLOSE)) fail_msg("close code %u: %d", code, result);
    if (allowed) assert_int_equal(frame.close_code, code);
  }
}

/* ---- reading: the limit ---- */

static void test_message_limit(void **state) {
  (void)state;
  assert_reads("at the limit", BYTES("\x81\x05Hello"), 5, "text Hello;", AUI_FRAME_NEED_MORE);
  assert_reads("above", BYTES("\x81\x05Hello"), 4, "", AUI_FRAME_TOO_BIG);
  assert_reads("each message counts alone",
               BYTES("\x81\x03pqr"
                     "\x81\x03stu"),
               3, "text pqr;text stu;", AUI_FRAME_NEED_MORE);
  assert_reads("fragments at the limit", BYTES("\x01\x03Hel\x80\x02lo\x81\x05Hello"), 5, "text Hello;text Hello;",
               AUI_FRAME_NEED_MORE);
  assert_reads("fragments above", BYTES("\x01\x03Hel\x80\x03lo!"), 5, "", AUI_FRAME_TOO_BIG);
  assert_reads("empty fragments", BYTES("\x01\x05Hello\x00\x00\x80\x00"), 5, "text Hello;", AUI_FRAME_NEED_MORE);
  assert_reads("control frames do not count", BYTES("\x01\x03Hel\x89\x05Hello\x80\x02lo"), 5, "ping Hello;text Hello;",
               AUI_FRAME_NEED_MORE);
  assert_reads("a limit of 0", BYTES("\x81\x00\x89\x01x\x81\x01x"), 0, "text ;ping x;", AUI_FRAME_TOO_BIG);
}

/* Fragments whose lengths add up to more than 64 bits must not wrap. */
static void test_limit_of_64_bits(void **state) {
  (void)state;
  aui_frame_reader reader;
  aui_frame frame;
  aui_frame_init(&reader, UINT64_MAX);
  static const char head[] = "\x01\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
  const uint8_t *input = guarded(BYTES(head)), *end = input + sizeof head - 1;
  assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_NEED_MORE);
  assert_ptr_equal(input, end);
  input = (const uint8_t *)"pqr";
  end = input + 3;
  assert_int_equal(aui_frame_read(&reader, &input, end, &frame), AUI_FRAME_TEXT);
  assert_int_equal(frame.len, 3);
  assert_false(frame.last);
}

/* ---- violations in words and codes ---- */

static void test_every_violation_has_a_code_and_words(void **state) {
  (void)state;
  for (int violation = AUI_FRAME_TOO_BIG; violation < 0; violation++) {
    uint16_t code = violation == AUI_FRAME_BAD_CLOSE_REASON ? 1007 : violation == AUI_FRAME_TOO_BIG ? 1009 : 1002;
    assert_int_equal(aui_frame_close_code(violation), code);
    const char *words = aui_frame_describe(violation);
    assert_memory_equal(words, "the server ", 11);
    assert_string_not_equal(words, aui_frame_describe(AUI_FRAME_NEED_MORE));
    for (int other = violation + 1; other < 0; other++) assert_string_not_equal(words, aui_frame_describe(other));
  }
  assert_string_equal(aui_frame_describe(AUI_FRAME_MASKED), "the server sent a masked frame");
}

/* ---- writing ---- */

static const uint8_t mask[AUI_FRAME_MASK_SIZE] = {0x37, 0xFA, 0x21, 0x3D};

static void assert_written(aui_buffer *out, const char *bytes, size_t n) {
  assert_int_equal(out->len, n);
  assert_memory_equal(out->data, bytes, n);
  aui_buffer_free(out);
}

static void test_writes_the_examples_of_rfc_6455(void **state) {
  (void)state;
  aui_buffer out = {0};
  assert_true(aui_frame_write(&out, AUI_OPCODE_TEXT, mask, "Hello", 5));
  assert_written(&out, BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
  assert_true(aui_frame_write(&out, AUI_OPCODE_BINARY, mask, "Hello", 5));
  assert_written(&out, BYTES("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
  assert_true(aui_frame_write(&out, AUI_OPCODE_PONG, mask, "Hello", 5));
  assert_written(&out, BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
}

static void test_writes_empty_frames(void **state) {
  (void)state;
  aui_buffer out = {0};
  assert_true(aui_frame_write(&out, AUI_OPCODE_PING, mask, NULL, 0));
  assert_true(aui_frame_write(&out, AUI_OPCODE_TEXT, mask, "", 0));
  assert_written(&out, BYTES("\x89\x80\x37\xfa\x21\x3d\x81\x80\x37\xfa\x21\x3d"));
}

/* Every length form, and every rest of the eight bytes that are masked at once, behind what the buffer held. */
static void test_writes_every_length(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 124, 125, 126, 127, 65535, 65536, 65537};
  for (size_t i = 0; i < COUNT(lengths); i++) {
    size_t n = lengths[i];
    uint8_t *payload = malloc(n + 1);
    assert_non_null(payload);
    for (size_t k = 0; k < n; k++) payload[k] = (uint8_t)(k * 7 + k / 256);
    const uint8_t *guarded_payload = guarded(payload, n);
    uint8_t head[10];
    size_t head_size = text_head(head, n);
    head[1] |= 0x80;

    aui_buffer out = {0};
    assert_true(aui_buffer_append(&out, "before", 6));
    assert_true(aui_frame_write(&out, AUI_OPCODE_TEXT, mask, guarded_payload, n));
    assert_int_equal(out.len, 6 + head_size + 4 + n);
    assert_memory_equal(out.data, "before", 6);
    assert_memory_equal(out.data + 6, head, head_size);
    assert_memory_equal(out.data + 6 + head_size, mask, 4);
    const uint8_t *masked = (const uint8_t *)out.data + 6 + head_size + 4;
    for (size_t k = 0; k < n; k++) {
      if (masked[k] != (payload[k] ^ mask[k % 4])) fail_msg("byte %zu of %zu is masked wrongly", k, n);
    }
    aui_buffer_free(&out);
    free(payload);
  }
}

static void test_writes_close(void **state) {
  (void)state;
  static const uint8_t plain[AUI_FRAME_MASK_SIZE] = {0};
  aui_buffer out = {0};
  assert_true(aui_frame_write_close(&out, plain, 1000, ""));
  assert_written(&out, BYTES("\x88\x82\0\0\0\0\x03\xE8"));
  assert_true(aui_frame_write_close(&out, plain, 1002, "why"));
  assert_written(&out, BYTES("\x88\x85\0\0\0\0\x03\xEAwhy"));
  assert_true(aui_frame_write_close(&out, plain, 1005, "not sent"));
  assert_written(&out, BYTES("\x88\x80\0\0\0\0"));
}

static void test_close_reason_is_cut_between_characters(void **state) {
  (void)state;
  static const uint8_t plain[AUI_FRAME_MASK_SIZE] = {0};
  char reason[200];
  memset(reason, 'x', sizeof reason);
  for (size_t before = 119; before <= 124; before++) {
    strcpy(reason + before, "\xF0\x9F\x98\x80");
    size_t expected = before <= 119 ? before + 4 : before <= 123 ? before : 123;
    aui_buffer out = {0};
    assert_true(aui_frame_write_close(&out, plain, 1000, (const char *)guarded(reason, strlen(reason) + 1)));
    assert_int_equal(out.len, 2 + 4 + 2 + expected);
    assert_int_equal((uint8_t)out.data[1], 0x80 | (2 + expected));
    assert_memory_equal(out.data + 8, reason, expected);
    aui_buffer_free(&out);
    memset(reason, 'x', sizeof reason);
  }
}

/* A buffer that cannot grow any more; its memory is never touched. */
static void test_memory_is_short(void **state) {
  (void)state;
  char nothing;
  const aui_buffer full = {.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
  aui_buffer out = full;
  assert_false(aui_frame_write(&out, AUI_OPCODE_TEXT, mask, "Hello", 5));
  assert_false(aui_frame_write(&out, AUI_OPCODE_PING, mask, "", 0));
  assert_false(aui_frame_write_close(&out, mask, 1000, "bye"));
  assert_false(aui_frame_write_close(&out, mask, 1005, ""));
  assert_memory_equal(&out, &full, sizeof out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_valid_input),
      cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_longest_control_frames),
      cmocka_unit_test(test_control_payload_outlives_the_input),
      cmocka_unit_test_teardown(test_slices, guarded_teardown),
      cmocka_unit_test(test_compressed_messages),
      cmocka_unit_test(test_reserved_bits_beside_compression),
      cmocka_unit_test(test_limit_of_compressed_messages),
      cmocka_unit_test(test_empty_input),
      cmocka_unit_test(test_violations),
      cmocka_unit_test(test_every_close_code),
      cmocka_unit_test(test_message_limit),
      cmocka_unit_test_teardown(test_limit_of_64_bits, guarded_teardown),
      cmocka_unit_test(test_every_violation_has_a_code_and_words),
      cmocka_unit_test(test_writes_the_examples_of_rfc_6455),
      cmocka_unit_test(test_writes_empty_frames),
      cmocka_unit_test_teardown(test_writes_every_length, guarded_teardown),
      cmocka_unit_test(test_writes_close),
      cmocka_unit_test_teardown(test_close_reason_is_cut_between_characters, guarded_teardown),
      cmocka_unit_test(test_memory_is_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
