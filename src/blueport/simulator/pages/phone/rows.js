// Rows that look as before stay the same elements, so that a voice memo plays on and the focus stays where it is.

export class Rows {
  constructor(list) {
    this.list = list;
    this.drawn = new Map();
  }

  // The row of a key: the one that is there, unless *facts* have changed.
  kept(key, facts, make) {
    const looks = JSON.stringify(facts);
    if (this.drawn.get(key)?.looks !== looks) this.drawn.set(key, { looks, row: make() });
    return this.drawn.get(key).row;
  }

  place(rows) {
    rows.forEach((row, at) => {
      if (this.list.children[at] !== row) this.list.insertBefore(row, this.list.children[at] ?? null);
    });
    while (this.list.children.length > rows.length) this.list.lastElementChild.remove();
    for (const [key, { row }] of this.drawn) if (!row.isConnected) this.drawn.delete(key);
  }
}
