/* A recording: a list of what has happened, oldest first. */
#include "engine/recording.h"

#include <stdlib.h>
#include <string.h>

#include "engine/buffer.h"

typedef struct entry {
  aui_recorded recorded; /* by whose address whoever has taken it frees all of it */
  struct entry *next;
  char bytes[];
} entry;

struct aui_recording {
  entry *first, **end;
  size_t most, size;  /* bytes of what was said */
  size_t count;       /* of what is in it */
  aui_buffer message; /* of the server's, which is arriving */
  entry *loss;        /* for when there is no room; NULL once it was needed */
};

static entry *new_entry(const aui_recorded *recorded) {
  entry *made = malloc(sizeof *made + recorded->n);
  if (!made) return NULL;
  made->next = NULL;
  made->recorded = *recorded;
  made->recorded.bytes = made->bytes;
  if (recorded->n > 0) memcpy(made->bytes, recorded->bytes, recorded->n);
  return made;
}

static void append(aui_recording *recording, entry *added) {
  if (!added) return;
  *recording->end = added;
  recording->end = &added->next;
}

aui_recording *aui_recording_new(size_t most) {
  aui_recording *recording = calloc(1, sizeof *recording);
  entry *loss = new_entry(&(aui_recorded){.kind = AUI_RECORDED_LOSS});
  if (!recording || !loss) {
    free(recording);
    free(loss);
    return NULL;
  }
  recording->end = &recording->first;
  recording->most = most;
  recording->loss = loss;
  return recording;
}

void aui_recording_free(aui_recording *recording) {
  if (!recording) return;
  for (aui_recorded *left; (left = aui_recording_take(recording));) aui_recorded_free(left);
  free(recording->loss);
  aui_buffer_free(&recording->message);
  free(recording);
}

void aui_recorded_free(aui_recorded *recorded) {
  free(recorded);
}

/* What is lost is told once. */
static void lose(aui_recording *recording) {
  append(recording, recording->loss);
  recording->loss = NULL;
}

static bool has_room(const aui_recording *recording, size_t n) {
  size_t used = recording->size + recording->message.len;
  return recording->count < AUI_RECORDING_MOST && used <= recording->most && n <= recording->most - used;
}

void aui_recording_add(aui_recording *recording, const aui_recorded *recorded) {
  entry *added = has_room(recording, recorded->n) ? new_entry(recorded) : NULL;
  if (!added) {
    lose(recording);
    return;
  }
  recording->size += recorded->n;
  recording->count++;
  append(recording, added);
}

void aui_recording_slice(aui_recording *recording, const void *bytes, size_t n, bool last, uint64_t now) {
  if (!has_room(recording, n) || !aui_buffer_append(&recording->message, bytes, n)) lose(recording);
  if (!last) return;
  aui_buffer whole = recording->message;
  recording->message = (aui_buffer){0};
  aui_recording_add(recording, &(aui_recorded){AUI_RECORDED_MESSAGE, now, 0, -1, whole.data, whole.len});
  aui_buffer_free(&whole);
}

aui_recorded *aui_recording_take(aui_recording *recording) {
  entry *taken = recording->first;
  if (!taken) return NULL;
  recording->first = taken->next;
  if (!recording->first) recording->end = &recording->first;
  recording->size -= taken->recorded.n;
  if (taken->recorded.kind != AUI_RECORDED_LOSS) recording->count--;
  return &taken->recorded;
}

const char *aui_recorded_name(aui_recorded_kind kind) {
  static const char *const names[] = {"up",      "open", "sent",  "message", "comment", "close", "end",
                                      "refused", "cut",  "reset", "dropped", "silence", "loss"};
  return names[kind];
}
