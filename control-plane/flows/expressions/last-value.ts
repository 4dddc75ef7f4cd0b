import type { Statement, SwitchStatement } from "acorn";

/**
 * Where `return` has to be written so that the value of the last statement is the value of the whole. Loops and declarations have none.
 * Only the last statement is looked at: what comes before cannot be what counts.
 */
export function returnPlaces(statements: readonly Statement[]): number[] {
  const last = statements.at(-1);
  return last === undefined ? [] : placesIn(last);
}

function placesIn(statement: Statement): number[] {
  switch (statement.type) {
    case "ExpressionStatement":
      return [statement.start];
    case "BlockStatement":
      return returnPlaces(statement.body);
    case "IfStatement":
      return [...placesIn(statement.consequent), ...(statement.alternate ? placesIn(statement.alternate) : [])];
    case "TryStatement":
      return [...returnPlaces(statement.block.body), ...(statement.handler ? returnPlaces(statement.handler.body.body) : [])];
    case "LabeledStatement":
      return placesIn(statement.body);
    case "SwitchStatement":
      return placesInCases(statement);
    default:
      return [];
  }
}

/** The value of a case counts where the case ends: before its `break`, or at the end of the last one. */
function placesInCases({ cases }: SwitchStatement): number[] {
  return cases.flatMap(({ consequent }, index) => {
    const isBroken = consequent.at(-1)?.type === "BreakStatement";
    if (isBroken) return returnPlaces(consequent.slice(0, -1));
    return index === cases.length - 1 ? returnPlaces(consequent) : [];
  });
}
