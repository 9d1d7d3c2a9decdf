/* Events that are like the last one but for number and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/alike.h"

#define BEGIN "data: {\"seq\":"
#define MIDDLE ",\"text\":\""
#define END "\"}\n\n"
#define EVENT(number, text) BEGIN number MIDDLE text END

static aui_span span_of(const char *text) {
  return (aui_span){text, strlen(text)};
}

static void learn(aui_alike *alike) {
  size_t number = strlen(BEGIN), text = number + 2 + strlen(MIDDLE);
  aui_alike_learn(alike, span_of(EVENT("12", "one")), (aui_json_span){number, number + 2},
                  (aui_json_span){text, text + 3});
}

static void number_and_text_may_differ(void **state) {
  static const struct {
    const char *event;
    int64_t number;
    const char *text;
  } cases[] = {{EVENT("13", "two"), 13, "two"},
               {EVENT("12", "one"), 12, "one"},
               {EVENT("0", "x"), 0, "x"},
               {EVENT("999999999999999", "much, longer: {} []"), 999999999999999, "much, longer: {} []"},
               {EVENT("14", "zw\xc3\xb6lf"), 14, "zw\xc3\xb6lf"}};
  (void)state;
  aui_alike alike = {0};
  learn(&alike);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aui_delta delta;
    aui_span input = span_of(cases[i].event);
    assert_int_equal(aui_alike_match(&alike, input, &delta), input.len);
    assert_int_equal(delta.number, cases[i].number);
    assert_int_equal(delta.length, strlen(cases[i].text));
    assert_memory_equal(delta.text, cases[i].text, delta.length);
  }
  aui_alike_forget(&alike);
}

static void what_comes_behind_is_left(void **state) {
  (void)state;
  aui_alike alike = {0};
  aui_delta delta;
  learn(&alike);
  assert_int_equal(aui_alike_match(&alike, span_of(EVENT("13", "two") "data"), &delta), strlen(EVENT("13", "two")));
  aui_alike_forget(&alike);
}

static void all_else_has_to_be_read(void **state) {
  static const char *const inputs[] = {
      EVENT("013", "two"),
      EVENT("", "two"),
      EVENT("-1", "two"),
      EVENT("1.5", "two"),
      EVENT("1e3", "two"),
      EVENT("9999999999999999", "two"),
      EVENT("13", ""),
      EVENT("13", "t\\\"wo"),
      EVENT("13", "t\\u0077o"),
      EVENT("13", "t\nwo"),
      EVENT("13", "tw\xc3"),
      EVENT("13", "tw\xff"),
      BEGIN "13" MIDDLE "two"
            "\",\"more\":1}\n\n",
      BEGIN "13"
            ", \"text\":\"two" END,
      "id: 1\n" EVENT("13", "two"),
      BEGIN "13" MIDDLE "two"
            "\"}\n",
      BEGIN "13" MIDDLE "two",
      BEGIN "13",
      BEGIN,
      "",
  };
  (void)state;
  aui_alike alike = {0};
  aui_delta delta;
  learn(&alike);
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
    if (aui_alike_match(&alike, span_of(inputs[i]), &delta) != 0) fail_msg("%s is alike", inputs[i]);
  }
  aui_alike_forget(&alike);
  assert_int_equal(aui_alike_match(&alike, span_of(EVENT("13", "two")), &delta), 0);
}

static void what_cannot_be_compared_is_not_learnt(void **state) {
  static char large[2000];
  (void)state;
  aui_alike alike = {0};
  aui_delta delta;
  aui_span event = span_of("{\"text\":\"one\",\"seq\":12}");
  aui_alike_learn(&alike, event, (aui_json_span){20, 22}, (aui_json_span){9, 12}); /* the number is behind the text */
  assert_int_equal(aui_alike_match(&alike, event, &delta), 0);
  aui_alike_learn(&alike, event, (aui_json_span){0, 0}, (aui_json_span){9, 12}); /* there is none */
  assert_int_equal(aui_alike_match(&alike, event, &delta), 0);

  learn(&alike);
  memset(large, ' ', sizeof large);
  aui_alike_learn(&alike, (aui_span){large, sizeof large}, (aui_json_span){5, 6}, (aui_json_span){9, 12});
  assert_int_equal(aui_alike_match(&alike, span_of(EVENT("13", "two")), &delta), 0);
  aui_alike_forget(&alike);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(number_and_text_may_differ),
      cmocka_unit_test(what_comes_behind_is_left),
      cmocka_unit_test(all_else_has_to_be_read),
      cmocka_unit_test(what_cannot_be_compared_is_not_learnt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
