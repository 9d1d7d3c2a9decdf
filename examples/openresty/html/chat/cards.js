// A product (products.js) as a card: its name, and its parameters as a list of titles and values.

import { make, makeForeign } from "./dom.js";
import { isNested, itemsOf } from "./fields.js";
import { makeRow } from "./values.js";

const VISIBLE_PARAMETERS = 8; // of a card; the others can be unfolded

/** Of its values it shows what there is room for (fields.js). */
export function makeCard({ name, parameters, is_recommended }, room) {
  const card = make("li", "card");
  if (is_recommended) {
    card.classList.add("recommended");
    card.append(make("p", "badge", "Recommended"));
  }
  const rows = room.take(itemsOf(parameters, isNested)).map((parameter) => makeRow(parameter, room));
  card.append(makeForeign("h3", "", name ?? "Product"), make("dl", "", ...rows.slice(0, VISIBLE_PARAMETERS)));
  if (rows.length > VISIBLE_PARAMETERS) {
    const more = make("dl", "", ...rows.slice(VISIBLE_PARAMETERS));
    card.append(make("details", "", make("summary", "", "More details"), more));
  }
  return card;
}
