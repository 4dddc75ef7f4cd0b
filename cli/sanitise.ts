/** A control sequence longer than this is no colour; it is dropped like any other. */
const MAX_SEQUENCE = 64;
const ESC = 0x1b;
const BEL = 0x07;

type State = "text" | "escape" | "intermediate" | "csi" | "string" | "stringEscape";

/** Removes what could take over a terminal from text that comes in pieces. */
export interface Sanitiser {
  /** @returns the part that may be shown; an unfinished sequence is kept back for the next piece */
  push(text: string): string;
}

/**
 * Lets text, tab, line feed, carriage return and colours (SGR sequences) through. Everything else that a terminal obeys is
 * dropped: cursor moves, titles, clipboard writes, links, device strings, 8-bit controls (ECMA-48, xterm's parser states).
 * A device string that never ends stops at the end of its line, so that it cannot swallow the rest of a log.
 * @param colours false drops SGR sequences too
 */
export function createSanitiser(colours: boolean): Sanitiser {
  let state: State = "text";
  let parameters = "";
  let isColour = true;

  /** @returns what to show for one UTF-16 unit */
  function step(code: number, char: string): string {
    switch (state) {
      case "text":
        return inText(code, char);
      case "escape":
        return inEscape(code, char);
      case "intermediate":
        if (code >= 0x20 && code <= 0x2f) return "";
        state = "text";
        return code >= 0x30 && code <= 0x7e ? "" : inText(code, char);
      case "csi":
        return inCsi(code, char);
      case "string":
        if (code === BEL || code === 0x9c) state = "text";
        else if (code === ESC) state = "stringEscape";
        else if (code === 0x0a) return backToText(code, char);
        return "";
      default:
        if (char === "\\") {
          state = "text";
          return "";
        }
        state = "escape";
        return inEscape(code, char);
    }
  }

  function backToText(code: number, char: string): string {
    state = "text";
    return inText(code, char);
  }

  function inText(code: number, char: string): string {
    if (code >= 0x20 && code < 0x7f) return char;
    if (code === 0x0a || code === 0x0d || code === 0x09) return char;
    if (code >= 0xa0) return char;
    if (code === ESC) state = "escape";
    else if (code === 0x9b) startCsi();
    else if (code === 0x90 || code === 0x98 || (code >= 0x9d && code <= 0x9f)) state = "string";
    return "";
  }

  function inEscape(code: number, char: string): string {
    if (char === "[") startCsi();
    else if (char === "]" || char === "P" || char === "X" || char === "^" || char === "_") state = "string";
    else if (code >= 0x20 && code <= 0x2f) state = "intermediate";
    else if (code >= 0x30 && code <= 0x7e) state = "text";
    else if (code !== ESC) return backToText(code, char);
    return "";
  }

  function startCsi(): void {
    state = "csi";
    parameters = "";
    isColour = colours;
  }

  function inCsi(code: number, char: string): string {
    if (code >= 0x40 && code <= 0x7e) {
      state = "text";
      return char === "m" && isColour ? `\u001b[${parameters}m` : "";
    }
    if (code < 0x20 || code > 0x7e) return backToText(code, char);
    if ((code >= 0x30 && code <= 0x39) || char === ";" || char === ":") {
      if (parameters.length < MAX_SEQUENCE) parameters += char;
      else isColour = false;
    } else {
      isColour = false;
    }
    return "";
  }

  return {
    push(text) {
      if (state === "text" && !/[^\t\n\r\x20-\x7e\xa0-\uffff]/.test(text)) return text;
      let shown = "";
      for (let at = 0; at < text.length; at++) shown += step(text.charCodeAt(at), text.charAt(at));
      return shown;
    },
  };
}

/** One line of text from outside, safe for tables and messages: no control characters, no sequences, no line breaks. */
export function plainText(text: string): string {
  return createSanitiser(false)
    .push(text)
    .replace(/[\t\n\r]+/g, " ");
}
