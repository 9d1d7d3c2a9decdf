// The products that the built-in agent knows, and finding those that a text asks for. catalogue.json shows the format.
#ifndef SIM_CATALOGUE_H
#define SIM_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SIM_MAX_CONDITIONS 8

struct sim_query {
  const json_t *category; // borrowed from the catalogue; NULL: any
  const char *brand;      // borrowed from the catalogue; NULL: any
  struct {
    const json_t *field; // borrowed from the catalogue
    double least, most;  // both ends included; a boolean counts as 0 or 1
  } conditions[SIM_MAX_CONDITIONS];
  size_t count;
};

// The catalogue that is compiled in; a new reference.
json_t *sim_catalogue_builtin(void);

// What is wrong with a catalogue: a static text, NULL if nothing is.
const char *sim_catalogue_problem(const json_t *catalogue);

// Reads a text as a question about the catalogue; true if it names a category, a brand or a condition.
bool sim_catalogue_understand(const json_t *catalogue, const char *text, struct sim_query *query);

// Adds a condition, unless there are too many.
void sim_query_add(struct sim_query *query, const json_t *field, double least, double most);

// 0 if it has none.
double sim_price_of(const json_t *product);

// The products that fit, cheapest first: an array, a new reference.
json_t *sim_catalogue_search(const json_t *catalogue, const struct sim_query *query);

// The product whose brand and model, or model alone, the text names; borrowed, NULL if there is none.
const json_t *sim_catalogue_named(const json_t *catalogue, const char *text);

// The element of catalogue[list] with this id; borrowed, NULL if there is none.
const json_t *sim_catalogue_find(const json_t *catalogue, const char *list, const char *id);

#endif
