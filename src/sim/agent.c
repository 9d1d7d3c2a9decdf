// What the built-in agent says; see agent.h.
#include "agent.h"

#include "catalogue.h"
#include "sim_buffer.h"
#include "sim_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHOWN 3

static const char *string_of(const json_t *object, const char *name) {
  return json_string_value(json_object_get(object, name));
}

static const json_t *category_of(const json_t *catalogue, const json_t *product) {
  return sim_catalogue_find(catalogue, "categories", string_of(product, "category"));
}

// ---- the parts of an answer --------------------------------------------------------------------------

static json_t *parameter(const char *title, json_t *value, const char *type) {
  return json_pack("{s:s, s:O, s:s}", "title", title, "value", value, "type", type);
}

// Name, brand and every field a product has, as parameters of a card or an option; a new reference.
static json_t *parameters(const json_t *catalogue, const json_t *product) {
  const json_t *fields = json_object_get(catalogue, "fields");
  json_t *list = json_array();
  json_array_append_new(list, parameter("Brand", json_object_get(product, "brand"), "string"));
  json_array_append_new(list, parameter("Model", json_object_get(product, "model"), "string"));
  for (size_t i = 0; i < json_array_size(fields); i++) {
    const json_t *field = json_array_get(fields, i);
    json_t *value = json_object_get(product, string_of(field, "id"));
    if (value) json_array_append_new(list, parameter(string_of(field, "title"), value, string_of(field, "type")));
  }
  return list;
}

static json_t *card(const json_t *catalogue, const json_t *product, int recommended) {
  struct sim_buffer name = {0};
  sim_buffer_printf(&name, "%s %s", string_of(product, "brand"), string_of(product, "model"));
  json_t *made = json_pack("{s:s, s:s, s:o, s:b}", "id", string_of(product, "id"), "name", (const char *)name.data,
                           "parameters", parameters(catalogue, product), "is_recommended", recommended);
  sim_buffer_free(&name);
  return made;
}

// An answer with these products (at most MAX_SHOWN of them) and suggestions; the text is taken over.
static json_t *answer(const json_t *catalogue, struct sim_buffer *text, const json_t *products,
                      const char *const suggestions[3]) {
  json_t *options = json_array(), *cards = json_array();
  for (size_t i = 0; i < json_array_size(products) && i < MAX_SHOWN; i++) {
    const json_t *product = json_array_get(products, i);
    json_array_append_new(cards, card(catalogue, product, i == 0));
    json_array_append_new(options, json_pack("{s:b, s:o}", "is_recommended", i == 0, "widget_parameters",
                                             parameters(catalogue, product)));
  }
  json_t *made = json_pack("{s:s, s:o, s:o, s:[s, s, s]}", "text", (const char *)text->data, "options", options,
                           "cards", cards, "followup_suggestions", suggestions[0], suggestions[1], suggestions[2]);
  sim_buffer_free(text);
  return made;
}

static json_t *plain_answer(const json_t *catalogue, const char *words) {
  static const char *const suggestions[] = {"A built-in microwave, at least 20 liters", "A laptop under $1000",
                                            "Wireless headphones"};
  struct sim_buffer text = {0};
  sim_buffer_add_string(&text, words);
  return answer(catalogue, &text, NULL, suggestions);
}

json_t *sim_agent_welcome(const json_t *catalogue) {
  return plain_answer(catalogue, "Hello! I help you choose from our little shop. Tell me what you are looking for, "
                                 "such as a kind of product, a brand, a size or the most you would like to "
                                 "spend, and I will show you what fits.");
}

static json_t *thanks(const json_t *catalogue) {
  return plain_answer(catalogue, "You are welcome! It was a pleasure to help. If anything else comes to mind, just "
                                 "ask: I can look for another product, tell you more about one that I showed "
                                 "you, or find something that costs less.");
}

static json_t *not_understood(const json_t *catalogue) {
  return plain_answer(catalogue, "I am not sure what you are looking for. I know our microwaves, laptops and "
                                 "headphones: name one of them, and perhaps a brand, a size or the most you "
                                 "would like to spend, and I will show you what we have.");
}

// ---- answers about products ------------------------------------------------------------------------

static void describe(struct sim_buffer *text, const json_t *product) {
  sim_buffer_printf(text, "The %s %s costs $%g: %s. ", string_of(product, "brand"), string_of(product, "model"),
                    sim_price_of(product), string_of(product, "about"));
}

static json_t *show(const json_t *catalogue, const json_t *products) {
  static const char *const counts[] = {"one", "two", "three"};
  static const char *const suggestions[] = {"Tell me more about the first one", "Show me something cheaper",
                                            "What else do you have?"};
  size_t count = json_array_size(products), shown = count < MAX_SHOWN ? count : MAX_SHOWN;
  const json_t *best = json_array_get(products, 0);
  const json_t *category = category_of(catalogue, best);
  struct sim_buffer text = {0};
  if (count > shown)
    sim_buffer_printf(&text, "We have several; here are the %s that cost the least. ", counts[shown - 1]);
  else if (count == 1)
    sim_buffer_printf(&text, "I found one %s that fits what you asked for. ", string_of(category, "one"));
  else
    sim_buffer_printf(&text, "I found %s %s that fit. ", counts[count - 1], string_of(category, "many"));
  for (size_t i = 0; i < shown; i++) describe(&text, json_array_get(products, i));
  if (shown > 1)
    sim_buffer_add_string(&text, "Shall I tell you more about one of them?");
  else
    sim_buffer_add_string(&text, "Shall I tell you more about it, or would you like to see others?");
  return answer(catalogue, &text, products, suggestions);
}

// Nothing fits: shows the cheapest of the same category instead.
static json_t *show_nearest(const json_t *catalogue, const struct sim_query *query) {
  static const char *const suggestions[] = {"Tell me more about it", "Show me all you have",
                                            "Let me change what I asked for"};
  struct sim_query wider = {.category = query->category};
  json_t *products = sim_catalogue_search(catalogue, &wider);
  while (json_array_size(products) > 1) json_array_remove(products, 1);
  struct sim_buffer text = {0};
  sim_buffer_printf(&text, "I am sorry, none of our %s fits all of that. The nearest I can offer is this. ",
                    query->category ? string_of(query->category, "many") : "products");
  if (json_array_size(products) > 0) describe(&text, json_array_get(products, 0));
  sim_buffer_add_string(&text, "If you relax one of your wishes, such as the price or the size, I will look again.");
  json_t *made = answer(catalogue, &text, products, suggestions);
  json_decref(products);
  return made;
}

static void add_facts(struct sim_buffer *text, const json_t *catalogue, const json_t *product) {
  const json_t *fields = json_object_get(catalogue, "fields");
  const char *separator = "";
  for (size_t i = 0; i < json_array_size(fields); i++) {
    const json_t *field = json_array_get(fields, i);
    const json_t *value = json_object_get(product, string_of(field, "id"));
    if (!value) continue;
    sim_buffer_printf(text, "%s%s: ", separator, string_of(field, "title"));
    if (json_is_boolean(value))
      sim_buffer_add_string(text, json_is_true(value) ? "yes" : "no");
    else
      sim_buffer_printf(text, "%g %s", json_number_value(value), string_of(field, "unit"));
    separator = "; ";
  }
}

static json_t *detail(const json_t *catalogue, const json_t *product) {
  static const char *const suggestions[] = {"Show me something cheaper", "What else do you have?",
                                            "Thank you, that is all"};
  struct sim_buffer text = {0};
  sim_buffer_printf(&text, "Here is what I know about the %s %s. It is %s. ", string_of(product, "brand"),
                    string_of(product, "model"), string_of(product, "about"));
  add_facts(&text, catalogue, product);
  sim_buffer_add_string(&text, ". It is in stock and can be delivered within three days. Is there anything else "
                               "you would like to know?");
  json_t *products = json_pack("[O]", product);
  json_t *made = answer(catalogue, &text, products, suggestions);
  json_decref(products);
  return made;
}

// ---- what the conversation was about ---------------------------------------------------------------

// The products of the latest message of the agent that had cards, in their order; a new reference.
static json_t *last_shown(const json_t *catalogue, const json_t *history) {
  json_t *products = json_array();
  for (size_t i = json_array_size(history); i > 0 && json_array_size(products) == 0; i--) {
    const json_t *message = json_array_get(history, i - 1);
    const json_t *cards = json_object_get(message, "cards");
    for (size_t k = 0; k < json_array_size(cards); k++) {
      const char *id = string_of(json_array_get(cards, k), "id");
      const json_t *product = id ? sim_catalogue_find(catalogue, "products", id) : NULL;
      if (product) json_array_append(products, (json_t *)product);
    }
  }
  return products;
}

// The one of the products shown that "the second one" or "it" means; NULL if the words mean none.
static const json_t *referred_to(const char *words, const json_t *shown) {
  static const char *const ordinals[][MAX_SHOWN] = {
      {"first", "1st", "first one"}, {"second", "2nd", "second one"}, {"third", "3rd", "third one"}};
  for (size_t i = 0; i < MAX_SHOWN; i++)
    for (size_t k = 0; k < MAX_SHOWN; k++)
      if (sim_words_have(words, ordinals[i][k])) return json_array_get(shown, i);
  if (sim_words_have(words, "last one")) return json_array_get(shown, json_array_size(shown) - 1);
  if (sim_words_have(words, "more about it") || sim_words_have(words, "tell me more")) return json_array_get(shown, 0);
  return NULL;
}

static bool has_any(const char *words, const char *const *phrases) {
  for (; *phrases; phrases++)
    if (sim_words_have(words, *phrases)) return true;
  return false;
}

// Fills a question in with what the conversation was about: "cheaper" than what, and which kind of product.
// True if there is something to search for.
static bool complete(const json_t *catalogue, const char *words, const json_t *shown, bool understood,
                     struct sim_query *query) {
  static const char *const cheaper[] = {"cheaper", "less expensive", "costs less", "lower price", NULL};
  static const char *const more[] = {"what else", "others", "show me all", "all you have", NULL};
  const json_t *first = json_array_get(shown, 0);
  const json_t *price = sim_catalogue_find(catalogue, "fields", "price");
  if (!first) return understood;
  if (!query->category && !query->brand) query->category = category_of(catalogue, first);
  if (query->count == 0 && has_any(words, cheaper)) {
    double least = INFINITY;
    for (size_t i = 0; i < json_array_size(shown); i++) least = fmin(least, sim_price_of(json_array_get(shown, i)));
    sim_query_add(query, price, -INFINITY, nextafter(least, 0));
    return true;
  }
  return understood || has_any(words, more);
}

static json_t *search(const json_t *catalogue, const struct sim_query *query) {
  json_t *found = sim_catalogue_search(catalogue, query);
  json_t *made = json_array_size(found) > 0 ? show(catalogue, found) : show_nearest(catalogue, query);
  json_decref(found);
  return made;
}

static json_t *small_talk(const json_t *catalogue, const char *words) {
  static const char *const greetings[] = {"hello", "hi", "hey", "good morning", "good evening", NULL};
  static const char *const goodbyes[] = {"thanks", "thank you", "bye", "goodbye", "that is all", NULL};
  if (has_any(words, goodbyes)) return thanks(catalogue);
  return !words[1] || has_any(words, greetings) ? sim_agent_welcome(catalogue) : not_understood(catalogue);
}

json_t *sim_agent_answer(const json_t *catalogue, const json_t *history, const char *text) {
  struct sim_query query;
  char *words = sim_words(text);
  json_t *shown = last_shown(catalogue, history), *made;
  const json_t *product = sim_catalogue_named(catalogue, text);
  if (!product) product = referred_to(words, shown);
  bool understood = sim_catalogue_understand(catalogue, text, &query);
  if (product)
    made = detail(catalogue, product);
  else if (complete(catalogue, words, shown, understood, &query))
    made = search(catalogue, &query);
  else
    made = small_talk(catalogue, words);
  json_decref(shown);
  free(words);
  return made;
}
