// The products of the built-in agent, and what a text asks of them; see catalogue.h.
#include "catalogue.h"

#include "sim_buffer.h"
#include "sim_words.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char sim_catalogue_data[]; // catalogue.json, made by CMake
extern const size_t sim_catalogue_size;

json_t *sim_catalogue_builtin(void) {
  return json_loadb((const char *)sim_catalogue_data, sim_catalogue_size, 0, NULL);
}

// Whether every element of the list is an object with these string fields (a NULL ends them).
static bool all_have(const json_t *list, const char *const *names) {
  for (size_t i = 0; i < json_array_size(list); i++)
    for (size_t n = 0; names[n]; n++)
      if (!json_is_string(json_object_get(json_array_get(list, i), names[n]))) return false;
  return json_array_size(list) > 0;
}

const char *sim_catalogue_problem(const json_t *catalogue) {
  static const char *const category[] = {"id", "one", "many", NULL};
  static const char *const field[] = {"id", "title", "type", NULL};
  static const char *const product[] = {"id", "category", "brand", "model", "about", NULL};
  const json_t *products = json_object_get(catalogue, "products");
  if (!all_have(json_object_get(catalogue, "categories"), category))
    return "categories: expected a list of objects with the strings id, one and many";
  if (!all_have(json_object_get(catalogue, "fields"), field))
    return "fields: expected a list of objects with the strings id, title and type";
  if (!sim_catalogue_find(catalogue, "fields", "price")) return "fields: expected one with the id price";
  if (!all_have(products, product))
    return "products: expected a list of objects with the strings id, category, brand, model and about";
  for (size_t i = 0; i < json_array_size(products); i++) {
    const json_t *one = json_array_get(products, i);
    if (!json_is_number(json_object_get(one, "price"))) return "products: expected a number as the price of each";
    if (!sim_catalogue_find(catalogue, "categories", json_string_value(json_object_get(one, "category"))))
      return "products: expected the id of a category as the category of each";
  }
  return NULL;
}

const json_t *sim_catalogue_find(const json_t *catalogue, const char *list, const char *id) {
  const json_t *elements = json_object_get(catalogue, list);
  for (size_t i = 0; i < json_array_size(elements); i++) {
    const json_t *element = json_array_get(elements, i);
    if (strcmp(json_string_value(json_object_get(element, "id")), id) == 0) return element;
  }
  return NULL;
}

const json_t *sim_catalogue_named(const json_t *catalogue, const char *text) {
  const json_t *products = json_object_get(catalogue, "products"), *found = NULL;
  char *words = sim_words(text);
  for (size_t i = 0; i < json_array_size(products) && !found; i++) {
    const json_t *product = json_array_get(products, i);
    const char *brand = json_string_value(json_object_get(product, "brand"));
    const char *model = json_string_value(json_object_get(product, "model"));
    struct sim_buffer name = {0};
    sim_buffer_printf(&name, "%s %s", brand, model);
    // A model of one word is too common a word by itself.
    if (sim_words_have(words, (const char *)name.data) || (strchr(model, ' ') && sim_words_have(words, model)))
      found = product;
    sim_buffer_free(&name);
  }
  free(words);
  return found;
}

// ---- understanding ---------------------------------------------------------------------------------

void sim_query_add(struct sim_query *query, const json_t *field, double least, double most) {
  if (query->count == SIM_MAX_CONDITIONS) return;
  query->conditions[query->count].field = field;
  query->conditions[query->count].least = least;
  query->conditions[query->count].most = most;
  query->count++;
}

static bool is_one_of(const char *word, const char *const *list) {
  for (; *list; list++)
    if (strcmp(word, *list) == 0) return true;
  return false;
}

enum direction { UNKNOWN, AT_LEAST, AT_MOST };

// What the (up to three) words before a number say about it: "at least", "no more than".
static enum direction direction_before(char *const *words, size_t index) {
  static const char *const up[] = {"least",     "over",   "above",  "more",   "from",    "minimum", "min",
                                   "exceeding", "bigger", "larger", "longer", "heavier", NULL};
  static const char *const down[] = {"under",  "below",   "less",    "most",    "up",      "maximum", "max",
                                     "within", "cheaper", "lighter", "smaller", "shorter", NULL};
  for (size_t back = 1; back <= 3 && back <= index; back++) {
    const char *word = words[index - back];
    const char *before = back < index ? words[index - back - 1] : "";
    bool negated = strcmp(before, "no") == 0 || strcmp(before, "not") == 0;
    if (is_one_of(word, up)) return negated ? AT_MOST : AT_LEAST;
    if (is_one_of(word, down)) return negated ? AT_LEAST : AT_MOST;
  }
  return UNKNOWN;
}

// The numeric field measured in this unit; NULL if there is none.
static const json_t *field_of_unit(const json_t *catalogue, const char *unit) {
  const json_t *fields = json_object_get(catalogue, "fields");
  char *words = sim_words(unit);
  const json_t *found = NULL;
  for (size_t i = 0; i < json_array_size(fields) && !found; i++) {
    const json_t *field = json_array_get(fields, i);
    if (json_object_get(field, "unit") && sim_words_have_any(words, json_object_get(field, "words"))) found = field;
  }
  free(words);
  return found;
}

// Takes words[index] as a number with a unit, as in "20 liters", "16gb" or "$300", if it is one.
static void understand_number(const json_t *catalogue, char *const *words, size_t count, size_t index,
                              struct sim_query *query) {
  const char *word = words[index];
  bool dollars = *word == '$';
  char *end;
  if (!isdigit((unsigned char)word[dollars])) return;
  double value = strtod(word + dollars, &end);
  const char *unit = *end ? end : index + 1 < count ? words[index + 1] : "";
  const json_t *price = sim_catalogue_find(catalogue, "fields", "price");
  const json_t *field = dollars ? price : field_of_unit(catalogue, unit);
  enum direction direction = direction_before(words, index);
  if (!field && direction == UNKNOWN) return; // a number that says nothing, as in "2 laptops"
  if (!field) field = price;
  if (direction == UNKNOWN) direction = json_is_true(json_object_get(field, "lower_is_better")) ? AT_MOST : AT_LEAST;
  sim_query_add(query, field, direction == AT_LEAST ? value : -INFINITY, direction == AT_MOST ? value : INFINITY);
}

static void understand_numbers(const json_t *catalogue, char *text, struct sim_query *query) {
  char *words[64], *rest = NULL;
  size_t count = 0;
  for (char *word = strtok_r(text, " ", &rest); word && count < 64; word = strtok_r(NULL, " ", &rest))
    words[count++] = word;
  for (size_t i = 0; i < count; i++) understand_number(catalogue, words, count, i, query);
}

static void understand_features(const json_t *catalogue, const char *words, struct sim_query *query) {
  const json_t *fields = json_object_get(catalogue, "fields");
  for (size_t i = 0; i < json_array_size(fields); i++) {
    const json_t *field = json_array_get(fields, i);
    if (json_object_get(field, "unit")) continue;
    if (sim_words_have_any(words, json_object_get(field, "opposites")))
      sim_query_add(query, field, 0, 0);
    else if (sim_words_have_any(words, json_object_get(field, "words")))
      sim_query_add(query, field, 1, 1);
  }
}

bool sim_catalogue_understand(const json_t *catalogue, const char *text, struct sim_query *query) {
  const json_t *categories = json_object_get(catalogue, "categories");
  const json_t *products = json_object_get(catalogue, "products");
  char *words = sim_words(text);
  *query = (struct sim_query){0};
  for (size_t i = 0; i < json_array_size(categories) && !query->category; i++)
    if (sim_words_have_any(words, json_object_get(json_array_get(categories, i), "words")))
      query->category = json_array_get(categories, i);
  for (size_t i = 0; i < json_array_size(products) && !query->brand; i++) {
    const char *brand = json_string_value(json_object_get(json_array_get(products, i), "brand"));
    if (sim_words_have(words, brand)) query->brand = brand;
  }
  understand_features(catalogue, words, query);
  understand_numbers(catalogue, words, query);
  free(words);
  return query->category || query->brand || query->count > 0;
}

// ---- searching -------------------------------------------------------------------------------------

static bool fits(const json_t *product, const struct sim_query *query) {
  if (query->category && strcmp(json_string_value(json_object_get(product, "category")),
                                json_string_value(json_object_get(query->category, "id"))) != 0)
    return false;
  if (query->brand && strcmp(json_string_value(json_object_get(product, "brand")), query->brand) != 0) return false;
  for (size_t i = 0; i < query->count; i++) {
    const char *id = json_string_value(json_object_get(query->conditions[i].field, "id"));
    const json_t *value = json_object_get(product, id);
    double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!value || number < query->conditions[i].least || number > query->conditions[i].most) return false;
  }
  return true;
}

double sim_price_of(const json_t *product) {
  return json_number_value(json_object_get(product, "price"));
}

json_t *sim_catalogue_search(const json_t *catalogue, const struct sim_query *query) {
  const json_t *products = json_object_get(catalogue, "products");
  json_t *found = json_array();
  for (size_t i = 0; i < json_array_size(products); i++) {
    json_t *product = json_array_get(products, i);
    if (!fits(product, query)) continue;
    size_t at = 0;
    while (at < json_array_size(found) && sim_price_of(json_array_get(found, at)) <= sim_price_of(product)) at++;
    json_array_insert(found, at, product);
  }
  return found;
}
