/* Whose answer a message is: what an id, a task and an answer that it names say, and for how long. In the JSON of this
 * file ' stands for a double quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Compiled in here, over an allocator that fails on demand, and takes the place of the library's. */
static size_t allocations_left = SIZE_MAX;

static bool may_allocate(void) {
  if (allocations_left == 0) return false;
  allocations_left--;
  return true;
}

static void *limited_realloc(void *memory, size_t n) {
  return may_allocate() ? realloc(memory, n) : NULL;
}
static void *limited_malloc(size_t n) {
  return may_allocate() ? malloc(n) : NULL;
}
static void *limited_calloc(size_t count, size_t n) {
  return may_allocate() ? calloc(count, n) : NULL;
}

#define realloc limited_realloc
#define malloc limited_malloc
#define calloc limited_calloc
#include "engine/answers.c"
#undef realloc
#undef malloc
#undef calloc

static aui_answers *answers_anew(void) {
  aui_answers *answers = aui_answers_new();
  assert_non_null(answers);
  assert_false(aui_answers_has_key(answers));
  aui_answers_set_key(answers, (const uint8_t *)"0123456789abcdef");
  assert_true(aui_answers_has_key(answers));
  return answers;
}

static aui_json_scan scan_of(const char *json, char spelt[256]) {
  aui_json_scan scan;
  size_t n = 0;
  for (; json[n]; n++) spelt[n] = json[n] == '\'' ? '"' : json[n];
  spelt[n] = '\0';
  assert_int_equal(aui_json_scan_whole(spelt, n, 64, &scan), AUI_JSON_VALID);
  return scan;
}

static bool claim(aui_answers *answers, const char *json) {
  char spelt[256];
  aui_json_scan scan = scan_of(json, spelt);
  return aui_answers_claim(answers, spelt, scan.members.id, &scan.members.origin);
}

static void end(aui_answers *answers, const char *json) {
  char spelt[256];
  aui_json_scan scan = scan_of(json, spelt);
  aui_answers_end(answers, spelt, scan.members.id);
}

static void await(aui_answers *answers, const char *json) {
  char spelt[256];
  scan_of(json, spelt);
  aui_answers_await(answers, spelt, strlen(spelt));
}

#define SCOPE(context) "{'scope':{'context':{" context "}}}"

static void what_says_nothing_is_ours(void **state) {
  (void)state;
  aui_answers *answers = answers_anew();
  assert_true(claim(answers, "{}"));
  await(answers, "{'task_id':'T'}");
  assert_true(claim(answers, "{}"));
  assert_true(claim(answers, "{}"));
  await(answers, "{}");
  assert_true(claim(answers, "{}"));
  aui_answers_free(answers);
}

static void an_id_ends_one_answer(void **state) {
  (void)state;
  aui_answers *answers = answers_anew();
  await(answers, "{}");
  assert_true(claim(answers, "{'id':'A'}"));
  end(answers, "{'id':'A'}");
  await(answers, "{}");
  assert_false(claim(answers, "{'id':'A'}"));
  assert_false(claim(answers, "{'id':'\\u0041'}"));
  assert_true(claim(answers, "{'id':'a'}"));
  assert_true(claim(answers, "{'id':''}"));
  assert_true(claim(answers, "{'id':5}"));
  end(answers, "{'id':5}");
  await(answers, "{}");
  assert_false(claim(answers, "{'id':5}"));
  assert_true(aui_answers_is_over(answers, "A", 1));
  assert_true(aui_answers_is_over(answers, "5", 1));
  assert_false(aui_answers_is_over(answers, "B", 1));
  assert_false(aui_answers_is_over(answers, "", 0));
  aui_answers_free(answers);
}

static void so_does_what_an_answer_was_called(void **state) {
  (void)state;
  aui_answers *answers = answers_anew();
  await(answers, "{}");
  assert_true(claim(answers, SCOPE("'message_id':'M','interaction_id':'I'")));
  assert_true(claim(answers, SCOPE("'message_id':'M','interaction_id':'I'")));
  assert_true(claim(answers, "{'id':'M'}"));
  assert_false(aui_answers_is_over(answers, "M", 1));
  end(answers, "{'id':'M'}");
  await(answers, "{}");
  assert_false(claim(answers, SCOPE("'message_id':'M','interaction_id':'I'")));
  assert_false(claim(answers, SCOPE("'message_id':'M','interaction_id':'J'")));
  assert_false(claim(answers, SCOPE("'interaction_id':'I'")));
  assert_false(claim(answers, "{'id':'M'}"));
  assert_true(claim(answers, SCOPE("'message_id':'N','interaction_id':'I'"))); /* the message says more exactly */
  assert_true(claim(answers, SCOPE("'interaction_id':'K'")));
  aui_answers_free(answers);
}

static void nor_does_what_was_seen_before_the_message_left(void **state) {
  (void)state;
  aui_answers *answers = answers_anew();
  assert_true(claim(answers, "{'id':'welcome'}"));
  await(answers, "{'task_id':'T'}");
  assert_false(claim(answers, "{'id':'welcome'}"));
  assert_false(claim(answers, "{'id':'other','task_id':'U'}"));
  await(answers, "{'task_id':'U'}");
  assert_false(claim(answers, "{'id':'other','task_id':'U'}"));
  aui_answers_free(answers);
}

static void a_task_that_is_named_must_be_that_of_the_message(void **state) {
  (void)state;
  aui_answers *answers = answers_anew();
  await(answers, "{'text':'hi','task_id':'task\\/1'}");
  assert_true(claim(answers, "{'task_id':'task/1'}"));
  assert_true(claim(answers, SCOPE("'task_id':'task\\u002f1'")));
  assert_false(claim(answers, "{'task_id':'task/2'}"));
  assert_false(claim(answers, SCOPE("'task_id':'task/2'")));
  assert_false(claim(answers, "{'task_id':'task/1','scope':{'context':{'task_id':'task/2'}}}"));
  assert_false(claim(answers, "{'task_id':'task/2','scope':{'context':{'task_id':'task/1'}}}"));
  await(answers, "{'text':'hi','context':{'task_id':'task/2'}}"); /* of no task that we know */
  assert_true(claim(answers, "{'task_id':'task/2'}"));
  assert_true(claim(answers, SCOPE("'task_id':'task/3'")));
  aui_answers_await(answers, "{\"task_id\":", 11);
  assert_true(claim(answers, "{'task_id':'task/2'}"));
  aui_answers_free(answers);
}

static void end_number(aui_answers *answers, int number) {
  char json[32];
  snprintf(json, sizeof json, "{'id':%d}", number);
  await(answers, "{}");
  assert_true(claim(answers, json));
  end(answers, json);
}

static bool knows(const aui_answers *answers, int number) {
  char id[16];
  return aui_answers_is_over(answers, id, (size_t)snprintf(id, sizeof id, "%d", number));
}

static void the_oldest_are_forgotten(void **state) {
  (void)state;
  enum { ENDED = 3 * AUI_ANSWERS_REMEMBERED };
  aui_answers *answers = answers_anew();
  for (int i = 1; i <= ENDED; i++) end_number(answers, i);
  await(answers, "{}");
  for (int i = 1; i <= ENDED; i++) {
    if (knows(answers, i) != (i > ENDED - AUI_ANSWERS_REMEMBERED)) fail_msg("%d", i);
  }
  aui_answers_free(answers);
}

/* Else a server could make a session forget by naming many ids at once. */
static void of_an_answer_that_names_many_ids_some_are_remembered(void **state) {
  (void)state;
  char json[64];
  aui_answers *answers = answers_anew();
  end_number(answers, 1);
  await(answers, "{}");
  for (int i = 1000; i < 1000 + 2 * AUI_ANSWERS_REMEMBERED; i++) {
    snprintf(json, sizeof json, SCOPE("'message_id':%d"), i);
    assert_true(claim(answers, json));
  }
  assert_true(claim(answers, "{'id':2}"));
  end(answers, "{'id':2}");
  await(answers, "{}");
  assert_true(knows(answers, 1));
  assert_true(knows(answers, 2));
  assert_true(knows(answers, 1000));
  assert_false(knows(answers, 1000 + AUI_ANSWERS_OF_ONE));
  aui_answers_free(answers);
}

static void short_memory_forgets_earlier(void **state) {
  (void)state;
  for (allocations_left = 0; allocations_left < 2;) {
    size_t before = allocations_left;
    assert_null(aui_answers_new());
    allocations_left = before + 1;
  }
  allocations_left = 4; /* room for 32 */
  aui_answers *answers = answers_anew();
  for (int i = 1; i <= 100; i++) end_number(answers, i);
  allocations_left = SIZE_MAX;
  for (int i = 101; i <= 200; i++) end_number(answers, i);
  await(answers, "{}");
  for (int i = 1; i <= 200; i++) assert_int_equal(knows(answers, i), i > 200 - 32);
  aui_answers_free(answers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_says_nothing_is_ours),
      cmocka_unit_test(an_id_ends_one_answer),
      cmocka_unit_test(so_does_what_an_answer_was_called),
      cmocka_unit_test(nor_does_what_was_seen_before_the_message_left),
      cmocka_unit_test(a_task_that_is_named_must_be_that_of_the_message),
      cmocka_unit_test(the_oldest_are_forgotten),
      cmocka_unit_test(of_an_answer_that_names_many_ids_some_are_remembered),
      cmocka_unit_test(short_memory_forgets_earlier),
  };
  return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
