// Only for threads that may be ended: Ajv makes a program of a schema that a tenant wrote, and neither making it nor running it can be trusted to end.
import { Ajv, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/**
 * `value`: the schema is checked, too. `answer`: of a person, to a form that was checked when it was deployed. What they leave out has the default of the
 * form, and a time needs no zone, as in inputs of jobs.
 */
export type SchemaUse = "value" | "answer";

type Compiler = Ajv | Ajv2020;

const NEWER = "https://json-schema.org/draft/2020-12/schema";

/**
 * Gets ready to make a function that checks values: in draft 7, unless the schema says that it is of 2020-12.
 * @returns what makes it; throws for what is no schema, or one of another draft
 */
export function schemaCompiler(use: SchemaUse, schema: object): () => ValidateFunction {
  const ajv = createCompiler(use, isOfNewer(schema));
  return () => ajv.compile(schema);
}

/** @returns what throws for what is no schema, or one of another draft; for any number of them */
export function createSchemaJudge(): (schema: object) => void {
  const compilers = new Map<boolean, Compiler>();
  return (schema) => {
    const isNewer = isOfNewer(schema);
    const ajv = compilers.get(isNewer) ?? createCompiler("value", isNewer);
    compilers.set(isNewer, ajv);
    try {
      ajv.compile(schema);
    } finally {
      // The next one may have the same `$id`.
      ajv.removeSchema(schema);
    }
  };
}

function isOfNewer(schema: object): boolean {
  return "$schema" in schema && typeof schema.$schema === "string" && schema.$schema.replace(/#$/, "") === NEWER;
}

function createCompiler(use: SchemaUse, isNewer: boolean): Compiler {
  const isAnswer = use === "answer";
  const options: Options = {
    strict: false,
    allErrors: true,
    useDefaults: isAnswer,
    validateSchema: !isAnswer,
    meta: !isAnswer,
    logger: false,
    verbose: true,
    unicodeRegExp: false,
  };
  const ajv = isNewer ? new Ajv2020(options) : new Ajv(options);
  addFormats.default(ajv);
  if (isAnswer) ajv.addFormat("date-time", addFormats.default.get("iso-date-time")).addFormat("time", addFormats.default.get("iso-time"));
  // Makes a program of the schema of schemas, which is nobody's fault and must not count as time that theirs takes.
  if (!isAnswer) void ajv.validateSchema({});
  return ajv;
}
