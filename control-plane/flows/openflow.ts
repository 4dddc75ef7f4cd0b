/**
 * The names of an OpenFlow document (the specification of flows that Windmill publishes, Apache-2.0): which members each object may have, and
 * what becomes of them. `parse.ts` reads the first kind; a member that no list names is kept and reported as ignored.
 */

/** Of one kind of object in a document. */
export interface ObjectShape {
  /** Members that are read, or that are there for people alone. */
  readonly known: readonly string[];
  /**
   * Members that change what a run does, and that we cannot do: an error with this advice, unless the value is one that asks for nothing
   * (absent, null, false, zero, empty). A definition never has them, also where the model has a place for them.
   */
  readonly unsupported: Readonly<Record<string, string>>;
}

const KEPT = "delete_after_use deletes the result when the run has ended";

export const FLOW_SHAPE: ObjectShape = {
  known: ["summary", "description", "schema", "value"],
  unsupported: {
    on_behalf_of_email: "runs belong to whoever starts them",
    tag: "give each step a tag",
    dedicated_worker: "only scripts can have processes that stay",
    timeout: "give each step a timeout",
  },
};

export const VALUE_SHAPE: ObjectShape = {
  known: [
    "modules",
    "failure_module",
    "preprocessor_module",
    "same_worker",
    "concurrent_limit",
    "concurrency_key",
    "concurrency_time_window_s",
    "debounce_delay_s",
    "debounce_key",
    "max_total_debouncing_time",
    "skip_expr",
    "flow_env",
    "priority",
    "early_return",
    "cache_ttl",
    // For people: kept, and shown in the console.
    "notes",
    "groups",
    "chat_input_enabled",
  ],
  unsupported: {
    retry: "give each step a retry",
    on_concurrency_limit: "a run beyond the limit waits",
    debounce_args_to_accumulate: "the arguments of the newest run count",
    max_total_debounces_amount: "max_total_debouncing_time bounds how long a run can be put off",
    cache_ignore_s3_path: "the cache compares all inputs",
  },
};

export const MODULE_SHAPE: ObjectShape = {
  known: [
    "id",
    "summary",
    "value",
    "stop_after_if",
    "stop_after_all_iters_if",
    "skip_if",
    "sleep",
    "timeout",
    "priority",
    "mock",
    "retry",
    "continue_on_error",
    "suspend",
    "cache_ttl",
    "delete_after_use",
  ],
  unsupported: {
    delete_after_secs: KEPT,
    debouncing: "only whole flows and scripts can be debounced",
    pass_flow_input_directly: "name the inputs in input_transforms",
    apply_preprocessor: "put the preprocessor into preprocessor_module",
    cache_ignore_s3_path: "the cache compares all inputs",
    input_transform: "put input_transforms into value",
    stop_after_if_expr: "write stop_after_if: {expr}",
    skip_if_stopped: "it belongs into stop_after_if",
  },
};

/**
 * Kinds of steps by their name in `value.type`. `is_trigger`, `assets` and `squash` change nothing that a run does, and neither do `flow` of an
 * identity and `parallelism` of a loop whose rounds follow one another. `lock` is missing on purpose: inline code finds its packages anew in each run,
 * and that is reported.
 */
export const VALUE_SHAPES = {
  rawscript: {
    known: [
      "type",
      "language",
      "content",
      "input_transforms",
      "path",
      "tag",
      "concurrent_limit",
      "concurrency_time_window_s",
      "custom_concurrency_key",
      "is_trigger",
      "assets",
    ],
    unsupported: { modules: "a script is one file" },
  },
  script: {
    known: ["type", "path", "hash", "input_transforms", "tag_override", "is_trigger"],
    unsupported: { pass_flow_input_directly: "name the inputs in input_transforms" },
  },
  flow: {
    known: ["type", "path", "input_transforms"],
    unsupported: { pass_flow_input_directly: "name the inputs in input_transforms", hash: "the newest version of a sub-flow runs" },
  },
  forloopflow: { known: ["type", "iterator", "modules", "skip_failures", "parallel", "parallelism", "squash"], unsupported: {} },
  whileloopflow: {
    known: ["type", "modules", "skip_failures", "parallelism", "squash"],
    unsupported: { parallel: "the next round depends on the one before" },
  },
  branchone: { known: ["type", "branches", "default"], unsupported: {} },
  branchall: { known: ["type", "branches", "parallel"], unsupported: {} },
  identity: { known: ["type", "input_transforms", "flow"], unsupported: {} },
  aiagent: { known: ["type", "input_transforms", "tools", "parallel"], unsupported: {} },
} as const satisfies Readonly<Record<string, ObjectShape>>;

export type ModuleType = keyof typeof VALUE_SHAPES;

/** Of a branchone; `skip_failure` and `parallel` stand there without effect in what Windmill writes. */
export const BRANCH_ONE_SHAPE: ObjectShape = { known: ["summary", "expr", "modules", "skip_failure", "parallel"], unsupported: {} };
export const BRANCH_ALL_SHAPE: ObjectShape = { known: ["summary", "modules", "skip_failure", "expr", "parallel"], unsupported: {} };

export const STOP_SHAPE: ObjectShape = { known: ["expr", "skip_if_stopped", "error_message"], unsupported: {} };
export const EXPRESSION_SHAPE: ObjectShape = { known: ["expr"], unsupported: {} };
export const MOCK_SHAPE: ObjectShape = { known: ["enabled", "return_value"], unsupported: {} };
export const RETRY_SHAPE: ObjectShape = { known: ["constant", "exponential", "retry_if"], unsupported: {} };
export const CONSTANT_SHAPE: ObjectShape = { known: ["attempts", "seconds"], unsupported: {} };
export const EXPONENTIAL_SHAPE: ObjectShape = { known: ["attempts", "multiplier", "seconds", "random_factor"], unsupported: {} };
export const SUSPEND_SHAPE: ObjectShape = {
  known: [
    "required_events",
    "timeout",
    "resume_form",
    "user_auth_required",
    "user_groups_required",
    "self_approval_disabled",
    "hide_cancel",
    "continue_on_disapprove_timeout",
  ],
  unsupported: {},
};
export const FORM_SHAPE: ObjectShape = { known: ["schema"], unsupported: {} };
export const TRANSFORM_SHAPE: ObjectShape = { known: ["type", "value", "expr"], unsupported: {} };

/** Bounds of what may be deployed; docs/limits.md lists them. */
export const FLOW_LIMITS = {
  /** UTF-8 bytes of a document as JSON, and of the text of a YAML document. */
  documentBytes: 1024 * 1024,
  /** Objects and lists inside one another. */
  documentDepth: 100,
  /** Values in a document, members and items alike. */
  documentValues: 100_000,
  modules: 1000,
  /** Loops and branches inside one another. */
  nesting: 16,
  branches: 200,
  /** Arguments of one step. */
  inputs: 200,
  idChars: 64,
  expressionChars: 32_768,
  retryAttempts: 1000,
  /** Of the constant kind; those of the other kind stop growing there. */
  retryDelayS: 6 * 3600,
  /** Sleeps, timeouts of approvals: a year and a day. */
  delayS: 366 * 24 * 3600,
  requiredEvents: 1000,
  /** For which a result is kept: a year and a day. */
  cacheTtlS: 366 * 24 * 3600,
} as const;

/** Ids that mean something else in a run, in the paths of steps, or in JavaScript. */
export const RESERVED_IDS: ReadonlySet<string> = new Set(["failure", "preprocessor", "Input", "Result", "Trigger", "__proto__", "prototype", "constructor"]);
