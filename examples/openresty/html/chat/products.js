// The products of a message, in one shape: { name, parameters, is_recommended }, whatever the agent's age and API.

import { isNested, itemsOf, plain } from "./fields.js";
import { say } from "./words.js";

/** Older agents send options, which have no name. */
export function productsOf(message) {
  const [cards, options, variants] = [message.cards, message.options, message.variants_options].map((list) =>
    itemsOf(list, isNested),
  );
  if (cards.length > 0) return cards.map(readCard);
  return (options.length > 0 ? options : variants).map(({ is_recommended, widget_parameters }, index) => ({
    name: optionName(itemsOf(widget_parameters, isNested)) || say.option(index + 1),
    parameters: widget_parameters,
    is_recommended,
  }));
}

/** Cards of the threads API have a title, and an object of values. */
function readCard({ name, title, parameters, json_data, is_recommended }) {
  const entity = isNested(json_data?.entity) ? Object.entries(json_data.entity) : [];
  const values = entity.filter(([, value]) => value !== null).map(([title, value]) => ({ title, value }));
  return { name: plain(name) ?? plain(title), parameters: parameters ?? values, is_recommended };
}

function optionName(parameters) {
  const valueOf = (pattern) => plain(parameters.find(({ title }) => pattern.test(plain(title)))?.value) ?? "";
  return `${valueOf(/^brand$/i)} ${valueOf(/^(name|product|product name|title|model)$/i)}`.trim();
}
