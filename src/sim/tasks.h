// Tasks and their messages, in memory. The oldest are forgotten beyond 10,000 tasks and 200 messages a task.
#ifndef SIM_TASKS_H
#define SIM_TASKS_H

#include <jansson.h>

// A task is a JSON object with id, user_id, title and messages (oldest first). A store of them is a JSON
// object from id to task; json_object() makes an empty one.

// The task of this id, made for this user if it is unknown. Borrowed; valid until the next task is made.
json_t *sim_task_open(json_t *tasks, const char *task_id, const char *user_id);

// The task of this id, borrowed; NULL if it is unknown.
json_t *sim_task_find(const json_t *tasks, const char *task_id);

// Appends a message, of which it takes a reference of its own.
void sim_task_record(json_t *task, json_t *message);

// The user a task belongs to; valid as long as the task.
const char *sim_task_user(const json_t *task);

// One page (from 1) of the tasks of a user, whole and newest first, as {"tasks","total","page","size"}; a new
// reference.
json_t *sim_tasks_page(const json_t *tasks, const char *user_id, size_t page, size_t size);

#endif
