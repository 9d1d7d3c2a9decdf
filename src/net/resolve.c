/* Look-ups. Whose a look-up is decides who may touch it: the loop's until a thread is started for it, then that
 * thread's, but for the lists that it is in and the name, which are the loop's or constant; and the loop's again once
 * the thread has pushed it on the stack of answers. Push (release) and take (acquire) order the two. */
#define _GNU_SOURCE /* EAI_NODATA */
#include "net/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_THREADS = 32,       /* so many different names may hang before others have to wait */
  STACK_SIZE = 512 * 1024 /* bytes: modules of the C library's resolver may want more than a few pages */
};

typedef struct aui_lookup {
  aui_node node;      /* in running or waiting */
  aui_node questions; /* all who want to know */
  aui_resolver *resolver;
  struct aui_lookup *next; /* on the stack of answers */
  int thread_error;        /* why it has no thread, as errno; 0 if it had one */
  int status;              /* getaddrinfo's */
  int system_error;        /* errno, for a status of EAI_SYSTEM */
  struct addrinfo *addresses;
  char host[];
} aui_lookup;

/* ---- What threads do ---- */

/* The lookup is the loop's afterwards, and may be gone. */
static void push_answered(aui_lookup *lookup) {
  aui_resolver *resolver = lookup->resolver;
  aui_lookup *top = atomic_load_explicit(&resolver->answered, memory_order_relaxed);
  do {
    lookup->next = top;
  } while (!atomic_compare_exchange_weak_explicit(&resolver->answered, &top, lookup, memory_order_release,
                                                  memory_order_relaxed));
  uv_async_send(&resolver->wake);
}

static void *look_up(void *argument) {
  static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  aui_lookup *lookup = argument;
  lookup->status = getaddrinfo(lookup->host, NULL, &hints, &lookup->addresses);
  lookup->system_error = errno;
  push_answered(lookup);
  return NULL;
}

/* Nobody joins it, and it leaves signals to the host's threads. Returns 0 or an errno. */
static int start_thread(aui_lookup *lookup) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  int status = pthread_attr_init(&attributes);
  if (status) return status;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  status = pthread_create(&thread, &attributes, look_up, lookup);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return status;
}

/* ---- What the loop does ---- */

static void start_lookup(aui_lookup *lookup) {
  aui_resolver *resolver = lookup->resolver;
  aui_list_remove(&lookup->node);
  aui_list_append(&resolver->running, &lookup->node);
  resolver->threads++;
  int error = start_thread(lookup);
  if (!error) return; /* it is the thread's now */
  lookup->thread_error = error;
  push_answered(lookup);
}

static aui_lookup *lookup_of_node(aui_node *node) {
  return AUI_CONTAINER_OF(node, aui_lookup, node);
}

static void free_lookup(aui_lookup *lookup) {
  aui_list_remove(&lookup->node);
  if (lookup->addresses) freeaddrinfo(lookup->addresses);
  free(lookup);
}

/* Those whom nobody asks any more are dropped. */
static void start_waiting(aui_resolver *resolver) {
  while (resolver->threads < MAX_THREADS && !aui_list_is_empty(&resolver->waiting)) {
    aui_lookup *lookup = lookup_of_node(resolver->waiting.next);
    if (aui_list_is_empty(&lookup->questions)) {
      free_lookup(lookup);
    } else {
      start_lookup(lookup);
    }
  }
}

/* NULL: there are addresses. */
static const char *describe_lookup(const aui_lookup *lookup, char *words, size_t size) {
  char reason[128];
  const char *why = reason, *prefix = "";
  if (lookup->thread_error) {
    prefix = "no thread can be started: ";
    uv_strerror_r(uv_translate_sys_error(lookup->thread_error), reason, sizeof reason);
  } else {
    switch (lookup->status) {
      case 0: return NULL;
      case EAI_NONAME:
      case EAI_NODATA: snprintf(words, size, "name not found: %s", lookup->host); return words;
      case EAI_SYSTEM: uv_strerror_r(uv_translate_sys_error(lookup->system_error), reason, sizeof reason); break;
      case EAI_AGAIN: why = "temporary failure"; break;
      case EAI_FAIL: why = "permanent failure"; break;
      case EAI_MEMORY: why = "out of memory"; break;
      default: why = gai_strerror(lookup->status);
    }
  }
  snprintf(words, size, "name %s not resolved: %s%s", lookup->host, prefix, why);
  return words;
}

static void answer_questions(aui_lookup *lookup) {
  char words[512];
  const char *why = describe_lookup(lookup, words, sizeof words);
  aui_list_remove(&lookup->node); /* who asks again now asks anew */
  lookup->resolver->threads--;
  while (!aui_list_is_empty(&lookup->questions)) {
    aui_question *question = AUI_CONTAINER_OF(lookup->questions.next, aui_question, node);
    aui_list_remove(&question->node);
    question->answer(question, lookup->addresses, why);
  }
  free_lookup(lookup);
}

static void on_wake(uv_async_t *wake) {
  aui_resolver *resolver = wake->data;
  aui_lookup *lookup = atomic_exchange_explicit(&resolver->answered, NULL, memory_order_acquire);
  while (lookup) {
    aui_lookup *next = lookup->next;
    answer_questions(lookup);
    lookup = next;
  }
  start_waiting(resolver);
}

int aui_resolver_init(aui_resolver *resolver, uv_loop_t *loop) {
  aui_list_init(&resolver->running);
  aui_list_init(&resolver->waiting);
  resolver->threads = 0;
  atomic_init(&resolver->answered, NULL);
  int status = uv_async_init(loop, &resolver->wake, on_wake);
  if (status < 0) return status;
  resolver->wake.data = resolver;
  uv_unref((uv_handle_t *)&resolver->wake);
  return 0;
}

static void forget_lookups(aui_node *lookups) {
  while (!aui_list_is_empty(lookups)) {
    aui_lookup *lookup = lookup_of_node(lookups->next);
    while (!aui_list_is_empty(&lookup->questions)) aui_list_remove(lookup->questions.next);
    free_lookup(lookup);
  }
}

/* Of a look-up whose thread was at work, `addresses` is still NULL. */
void aui_resolver_fork(aui_resolver *resolver) {
  forget_lookups(&resolver->running);
  forget_lookups(&resolver->waiting);
  resolver->threads = 0;
  atomic_store_explicit(&resolver->answered, NULL, memory_order_relaxed);
}

/* ---- Questions ---- */

static aui_lookup *find_lookup(aui_node *list, const char *host) {
  for (aui_node *node = list->next; node != list; node = node->next) {
    if (strcmp(lookup_of_node(node)->host, host) == 0) return lookup_of_node(node);
  }
  return NULL;
}

static aui_lookup *add_lookup(aui_resolver *resolver, const char *host) {
  size_t size = strlen(host) + 1;
  aui_lookup *lookup = calloc(1, sizeof *lookup + size);
  if (!lookup) return NULL;
  memcpy(lookup->host, host, size);
  lookup->resolver = resolver;
  aui_list_init(&lookup->questions);
  aui_list_append(&resolver->waiting, &lookup->node);
  return lookup;
}

void aui_question_init(aui_question *question) {
  aui_list_init(&question->node);
}

bool aui_resolve(aui_resolver *resolver, aui_question *question, const char *host) {
  aui_lookup *lookup = find_lookup(&resolver->running, host);
  if (!lookup) lookup = find_lookup(&resolver->waiting, host);
  if (!lookup) lookup = add_lookup(resolver, host);
  if (!lookup) return false;
  aui_list_append(&lookup->questions, &question->node);
  start_waiting(resolver);
  return true;
}

void aui_question_withdraw(aui_question *question) {
  aui_list_remove(&question->node);
}
