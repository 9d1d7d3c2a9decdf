// Makes the nodes of the page. Whatever comes from the network becomes text, never markup.

export const byId = (id) => document.getElementById(id);

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** Words from outside, which may be in any language: they get the direction of their first letter. */
export function makeForeign(tag, className, ...children) {
  const node = make(tag, className, ...children);
  node.dir = "auto";
  return node;
}

export function makeList(className, items) {
  const list = make("ul", className, ...items);
  list.setAttribute("role", "list"); // Safari takes it from lists without bullets.
  return list;
}

/** A button that calls `action` with the event. */
export function makeButton(label, action) {
  const button = make("button", "", label);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

export function makeLink(address, ...children) {
  const link = make("a", "", ...children);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

/** The text box gets the focus; not after a touch, which would bring up the keyboard over the answer. */
export function focusInput(event) {
  if (event.pointerType !== "touch") byId("text").focus();
}
