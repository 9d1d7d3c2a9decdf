// What clients of the threads API post: read, checked, and brought to the thread that it is for.
#ifndef SIM_THREAD_POST_H
#define SIM_THREAD_POST_H

#include "sim_http.h"
#include "thread.h"

// Sets *result to the error of this code, and returns `status`; `field` as in sim_thread_error.
int sim_post_refuse(json_t **result, int status, const char *code, const char *message, const char *field);

// What is wrong with an object of which these fields (name, then 's' for a string that is not empty or 'o' for an
// object; in capitals if they must be there; NULL at the end) are known: a static text, with the field it is about in
// *field; NULL if nothing is. Fields that are null count as left out.
const char *sim_post_problem(const json_t *body, const char *const *fields, const char **field);

// The object that a request's body holds, a new reference; NULL with an error in *result and its status in *status if
// there is none, or one of the fields (as above) is wrong.
json_t *sim_post_body(const struct sim_request *request, const char *const *fields, int *status, json_t **result);

// The fields of a message.
extern const char *const sim_post_message_fields[];

// The thread that a checked message is for, made if it names none, borrowed; NULL if it names an unknown one.
json_t *sim_post_thread(struct sim_service *service, const json_t *body);

#endif
