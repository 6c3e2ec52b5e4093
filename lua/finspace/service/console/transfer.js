// What is being sent, told in the bar while somebody looks at other screens.

import { fill, h } from "./dom.js";

const place = h("span", { class: "transfer", role: "status" });

/** The place in the bar. */
export const indicator = () => place;

/** Tells how a transfer does: a text, and where to look for more. */
export function tell(text, href) {
  fill(place, h("a", { href }, text));
}

/** There is nothing to tell any more. */
export function clear() {
  fill(place);
}
