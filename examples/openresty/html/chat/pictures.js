// Pictures that an agent names. They are shown if the gateway's settings say from where they may come.

import { make } from "./dom.js";
import { isText, plain } from "./fields.js";
import { pictures } from "./settings.js"; // which the gateway makes

/** Whether the picture at this address may be shown; the content security policy knows no others. */
export function isAllowed(address) {
  if (!isText(address) || !address.startsWith("https://") || !URL.canParse(address)) return false;
  return pictures.includes("https:") || pictures.includes(new URL(address).origin);
}

/** Whether a parameter of a product is its picture. */
export function isPicture({ title, value }) {
  if (!isAllowed(value)) return false;
  if (/image|picture|photo|bild|foto/i.test(plain(title) ?? "")) return true;
  return /\.(?:avif|gif|jpe?g|png|webp)$/i.test(new URL(value).pathname);
}

/** One that cannot be loaded leaves no hole. */
export function makePicture(address, text) {
  const picture = make("img", "");
  picture.alt = text;
  picture.loading = "lazy";
  picture.src = address;
  picture.addEventListener("error", () => picture.remove());
  return picture;
}
