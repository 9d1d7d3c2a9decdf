// A product (products.js) as a card: its picture, its name, its price, and its other parameters.

import { make, makeForeign } from "./dom.js";
import { isNested, itemsOf } from "./fields.js";
import { isPicture, makePicture } from "./pictures.js";
import { isPrice, makeRow } from "./values.js";
import { say } from "./words.js";

const VISIBLE_PARAMETERS = 8; // of a card; the others can be unfolded

/** Of its values it shows what there is room for (fields.js). */
export function makeCard({ name, parameters, is_recommended }, room) {
  const card = make("li", "card");
  const all = room.take(itemsOf(parameters, isNested));
  const picture = all.find(isPicture);
  const price = all.find(isPrice);
  const others = all.filter((parameter) => parameter !== picture && parameter !== price);
  const rows = (price ? [price, ...others] : others).map((parameter) => makeRow(parameter, room));
  if (is_recommended) {
    card.classList.add("recommended");
    card.append(make("p", "badge", say.recommended));
  }
  if (picture) card.append(makePicture(picture.value, ""));
  card.append(makeForeign("h3", "", name ?? say.product), make("dl", "", ...rows.slice(0, VISIBLE_PARAMETERS)));
  if (rows.length > VISIBLE_PARAMETERS) {
    const more = make("dl", "", ...rows.slice(VISIBLE_PARAMETERS));
    card.append(make("details", "", make("summary", "", say.moreDetails), more));
  }
  return card;
}
