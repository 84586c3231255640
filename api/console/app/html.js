// The one place where preact and htm meet: every view imports its tools from here.
import { Component, Fragment, h, render } from "../vendor/preact.mjs";
import htm from "../vendor/htm.mjs";

export const html = htm.bind(h);
export { h, render, Fragment };
export {
  useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState,
} from "../vendor/hooks.mjs";
export { Component };

/** `view` drawn again only when one of its props is another value. */
export function memo(view) {
  return class extends Component {
    shouldComponentUpdate(next) {
      for (const key in next) if (next[key] !== this.props[key]) return true;
      return false;
    }

    render(props) {
      return view(props);
    }
  };
}

const AGAIN_MS = 2_000;

/**
 * A view whose module is fetched when it is first drawn. `fetcher` gives the component; `Meanwhile` stands in for it.
 * A server that is away just then is asked again for as long as the view is wanted.
 */
export function lazy(fetcher, Meanwhile = () => null) {
  let found = null;
  return class extends Component {
    componentDidMount() {
      this.wanted = true;
      if (!found) this.fetch();
    }

    componentWillUnmount() {
      this.wanted = false;
      clearTimeout(this.timer);
    }

    fetch() {
      fetcher().then(
        (view) => {
          found = view;
          if (this.wanted) this.forceUpdate();
        },
        (error) => {
          console.warn("a part of the console could not be fetched", error);
          if (this.wanted) this.timer = setTimeout(() => this.fetch(), AGAIN_MS);
        },
      );
    }

    render(props) {
      return h(found ?? Meanwhile, props);
    }
  };
}
