/* Spaces messages out. */
#include "engine/pace.h"

#include "engine/deadline.h"

void aui_pace_sent(aui_pace *pace, const aui_pace_config *config, uint64_t now) {
  if (config->messages == 0) return;
  uint64_t gap = config->per / config->messages + (config->per % config->messages != 0);
  pace->next = aui_deadline_after(now, gap);
}
