import type { AnyNode, Pattern, Statement } from "acorn";
import { childrenOf, isFunction } from "./ast.ts";

/** The names that are declared by a node for everything inside it. */
export function declaredBy(node: AnyNode): string[] {
  if (isFunction(node)) {
    const own = node.type === "FunctionExpression" && node.id ? [node.id.name] : [];
    const hidden = node.type === "ArrowFunctionExpression" ? [] : ["arguments"];
    return [...own, ...hidden, ...node.params.flatMap(namesIn), ...hoistedVars(node.body)];
  }
  switch (node.type) {
    case "BlockStatement":
    case "StaticBlock":
      return declaredAmong(node.body);
    case "ForStatement":
      return node.init?.type === "VariableDeclaration" ? declaredAmong([node.init]) : [];
    case "ForInStatement":
    case "ForOfStatement":
      return node.left.type === "VariableDeclaration" ? declaredAmong([node.left]) : [];
    case "CatchClause":
      return node.param ? namesIn(node.param) : [];
    case "SwitchStatement":
      return declaredAmong(node.cases.flatMap(({ consequent }) => consequent));
    case "ClassExpression":
      return node.id ? [node.id.name] : [];
    default:
      return [];
  }
}

/** The names that the outermost statements declare, `var` in inner blocks included. */
export function declaredAtTop(body: readonly Statement[]): string[] {
  return [...declaredAmong(body), ...body.flatMap(hoistedVars)];
}

function declaredAmong(statements: readonly Statement[]): string[] {
  return statements.flatMap((statement) => {
    if (statement.type === "VariableDeclaration") return statement.declarations.flatMap(({ id }) => namesIn(id));
    return statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration" ? [statement.id.name] : [];
  });
}

function hoistedVars(node: AnyNode): string[] {
  if (isFunction(node)) return [];
  const own = node.type === "VariableDeclaration" && node.kind === "var" ? node.declarations.flatMap(({ id }) => namesIn(id)) : [];
  return [...own, ...childrenOf(node).flatMap(hoistedVars)];
}

function namesIn(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) => namesIn(property.type === "RestElement" ? property.argument : property.value));
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element === null ? [] : namesIn(element)));
    case "RestElement":
      return namesIn(pattern.argument);
    case "AssignmentPattern":
      return namesIn(pattern.left);
    case "MemberExpression":
      return [];
  }
}
