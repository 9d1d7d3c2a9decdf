// Tasks and their messages; see tasks.h.
#include "tasks.h"

#include <string.h>

#define MAX_TASKS 10000
#define MAX_MESSAGES 200

json_t *sim_task_open(json_t *tasks, const char *task_id, const char *user_id) {
  json_t *task = json_object_get(tasks, task_id);
  if (task) return task;
  if (json_object_size(tasks) >= MAX_TASKS) // iteration is in order of insertion: the first is the oldest
    json_object_del(tasks, json_object_iter_key(json_object_iter(tasks)));
  task =
      json_pack("{s:s, s:s, s:s, s:[]}", "id", task_id, "user_id", user_id, "title", "A new conversation", "messages");
  json_object_set_new(tasks, task_id, task);
  return task;
}

json_t *sim_task_find(const json_t *tasks, const char *task_id) {
  return json_object_get(tasks, task_id);
}

void sim_task_record(json_t *task, json_t *message) {
  json_t *messages = json_object_get(task, "messages");
  if (json_array_size(messages) >= MAX_MESSAGES) json_array_remove(messages, 0);
  json_array_append(messages, message);
}

const char *sim_task_user(const json_t *task) {
  return json_string_value(json_object_get(task, "user_id"));
}

json_t *sim_tasks_page(const json_t *tasks, const char *user_id, size_t page, size_t size) {
  json_t *newest_first = json_array(), *found = json_array(), *task;
  const char *id;
  json_object_foreach((json_t *)tasks, id, task) {
    if (strcmp(sim_task_user(task), user_id) == 0) json_array_insert(newest_first, 0, task);
  }
  for (size_t i = (page - 1) * size; i < page * size && i < json_array_size(newest_first); i++)
    json_array_append(found, json_array_get(newest_first, i));
  json_t *result = json_pack("{s:o, s:I, s:I, s:I}", "tasks", found, "total", (json_int_t)json_array_size(newest_first),
                             "page", (json_int_t)page, "size", (json_int_t)size);
  json_decref(newest_first);
  return result;
}
