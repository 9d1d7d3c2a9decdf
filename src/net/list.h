/* Intrusive lists: a node is a member of what is listed, a list the node that stands for its ends. */
#ifndef AUI_NET_LIST_H
#define AUI_NET_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The `type` whose `member` is at `pointer`. */
#define AUI_CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

typedef struct aui_node {
  struct aui_node *prev, *next;
} aui_node;

static inline void aui_list_init(aui_node *list) {
  list->prev = list->next = list;
}

static inline bool aui_list_is_empty(const aui_node *list) {
  return list->next == list;
}

static inline void aui_list_append(aui_node *list, aui_node *node) {
  node->prev = list->prev;
  node->next = list;
  list->prev->next = node;
  list->prev = node;
}

/* Leaves `node` as an empty list of its own, so that it may be removed again. */
static inline void aui_list_remove(aui_node *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  aui_list_init(node);
}

/* Moves the members of `from` to `to`, which need not be initialised. */
static inline void aui_list_move(aui_node *from, aui_node *to) {
  aui_list_init(to);
  if (aui_list_is_empty(from)) return;
  *to = *from;
  to->prev->next = to->next->prev = to;
  aui_list_init(from);
}

#endif
