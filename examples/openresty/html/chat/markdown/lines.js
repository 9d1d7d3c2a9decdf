// The lines of a text, read one by one.

export class Lines {
  /** `looked`: how many of the lines what was read so far depends on. */
  constructor(list) {
    this.list = list;
    this.at = 0;
    this.looked = 0;
  }

  /** The line `ahead` of the next one; undefined behind the last. */
  peek(ahead = 0) {
    const index = this.at + ahead;
    this.looked = Math.max(this.looked, index + 1);
    return this.list[index];
  }

  next() {
    const line = this.peek();
    this.at += 1;
    return line;
  }

  /** The lines from the next one on for which `isWanted` holds, as `change` makes them. */
  takeWhile(isWanted, change = (line) => line) {
    const taken = [];
    while (this.peek() !== undefined && isWanted(this.peek())) taken.push(change(this.next()));
    return taken;
  }
}
