/** Scripts that call each function of Windmill's packages whose route docs/windmill.md lists, and say what they were answered. */

/** With `asks` it is a step that waits for people. */
export const PYTHON = `import wmill

def fails(call):
    try:
        call()
    except Exception as error:
        return str(error)

def main(token: str = "", hash: str = "", asks: bool = False):
    if asks:
        return wmill.get_resume_urls("ann")
    for value in ["one", "two"]:
        wmill.set_variable("f/wm/made", value)
        wmill.set_resource("f/wm/thing", {"a": [value, None]}, "thing")
    before = wmill.get_state()
    wmill.set_state({"runs": 1})
    wmill.set_progress(30)
    person = wmill.Windmill(token=token)
    done = wmill.run_script_by_path_async("f/wm/double", args={"n": 5}, retry={"constant": {"attempts": 1, "seconds": 1}})
    late = person.run_script_by_path_async("f/wm/double", args={"n": 1}, scheduled_in_secs=3600)
    person.cancel_job(late, "no more")
    return {
        "variables": [wmill.get_variable("f/wm/plain"), wmill.get_variable("f/wm/made"), len(wmill.get_variable("f/wm/secret"))],
        "resources": [
            wmill.get_resource("f/wm/db")["host"],
            len(wmill.get_resource("f/wm/db")["password"]),
            wmill.Windmill().get_resource("f/wm/db", interpolated=False)["host"],
            wmill.get_resource("f/wm/thing"),
            [one["path"] for one in wmill.list_resources("thing")],
        ],
        "states": [before, wmill.get_state()],
        "run": [
            wmill.run_script_by_path("f/wm/double", args={"n": 4}),
            wmill.run_script_by_hash(hash, args={"n": 7}),
            wmill.Windmill().wait_job(done),
            "negative" in fails(lambda: wmill.run_script_by_path("f/wm/double", args={"n": -1})),
        ],
        "looks": [wmill.get_result(done), wmill.get_job_status(done), wmill.get_job(done)["script_path"], wmill.get_root_job_id(done) == done],
        "cancelled": [person.get_job(late)["canceled"], person.get_job(late)["canceled_reason"]],
        "progress": wmill.get_progress(),
        "outside": [person.get_variable("f/wm/plain"), fails(lambda: person.get_variable("f/wm/secret")) is not None],
        "flow": wmill.run_flow_async("f/wm/python-flow", {"n": 3}),
    }
`;

/** The functions that people write, with the job's token; then those that the package has made of the description of the API, with a person's. */
export const TYPESCRIPT = `import * as wmill from "windmill-client";

const workspace = process.env.WM_WORKSPACE ?? "";
const step = { id: "a", value: { type: "script", path: "f/wm/double", input_transforms: { n: { type: "javascript", expr: "flow_input.n" } } } };
const pathsOf = (found: { path: string }[]) => found.map(({ path }) => path);

export async function main(token = "", asks = false) {
  if (asks) return await wmill.getResumeUrls("ann");
  await wmill.setVariable("f/wm/ts", "two");
  await wmill.setResource({ a: [1, null] }, "f/wm/tsthing", "thing");
  const before = await wmill.getState();
  await wmill.setState({ runs: 1 });
  await wmill.setProgress(30);
  const inJob = {
    variables: [await wmill.getVariable("f/wm/plain"), await wmill.getVariable("f/wm/ts"), (await wmill.getVariable("f/wm/secret")).length],
    resources: [(await wmill.getResource("f/wm/db")).host, await wmill.getResource("f/wm/tsthing")],
    states: [before ?? null, await wmill.getState()],
    run: [await wmill.runScript("f/wm/double", null, { n: 4 }), await wmill.waitJob(await wmill.runScriptAsync("f/wm/double", null, { n: 5 }))],
    progress: await wmill.getProgress(),
    flow: await wmill.runFlowAsync("f/wm/typescript-flow", { n: 3 }),
  };
  wmill.setClient(token);
  const shown = await wmill.getVariable("f/wm/secret").then(() => true, () => false);
  const outside = [await wmill.getVariable("f/wm/plain"), shown, await wmill.runScript("f/wm/double", null, { n: 6 })];
  const made = { variables: await variables(), resources: await resources(), types: await types(), folders: await folders(), workspace: await ofWorkspace() };
  const deployed = { scripts: await scripts(), flows: await flows(), schedules: await schedules(), triggers: await triggers() };
  const answered = [await answer(wmill.JobService.resumeSuspendedJobPost), await answer(wmill.JobService.cancelSuspendedJobPost)];
  return { ...inJob, outside, made, deployed, answered, jobs: await jobs() };
}

/** What becomes of a run for which a program answers that makes its links itself. */
async function answer(way: typeof wmill.JobService.resumeSuspendedJobPost) {
  const id = await wmill.runFlowAsync("f/wm/typescript-flow", { n: 3 });
  let signature: string | undefined;
  while (signature === undefined) signature = await wmill.JobService.createJobSignature({ workspace, id, resumeId: 1 }).catch(() => new Promise((later) => setTimeout(later, 50)));
  await way({ workspace, id, resumeId: 1, signature, requestBody: {} });
  return await wmill.waitJob(id).catch(() => "refused");
}

async function variables() {
  const at = { workspace, path: "f/gen/variable" };
  await wmill.VariableService.createVariable({ workspace, requestBody: { path: at.path, value: "one", is_secret: false, description: "made" } });
  await wmill.VariableService.updateVariable({ ...at, requestBody: { value: "two" } });
  const { value, description } = await wmill.VariableService.getVariable(at);
  const found = [value, description, await wmill.VariableService.getVariableValue(at), pathsOf(await wmill.VariableService.listVariable({ workspace, pathStart: "f/gen/" }))];
  const there = await wmill.VariableService.existsVariable(at);
  await wmill.VariableService.deleteVariable(at);
  return [...found, there, await wmill.VariableService.existsVariable(at)];
}

async function resources() {
  const at = { workspace, path: "f/gen/resource" };
  await wmill.ResourceService.createResource({ workspace, requestBody: { path: at.path, value: 1, resource_type: "thing" } });
  await wmill.ResourceService.updateResource({ ...at, requestBody: { description: "changed" } });
  await wmill.ResourceService.updateResourceValue({ ...at, requestBody: { value: { h: "$var:f/wm/plain" } } });
  const { value, description, resource_type } = await wmill.ResourceService.getResource(at);
  const values = [await wmill.ResourceService.getResourceValue(at), await wmill.ResourceService.getResourceValueInterpolated(at)];
  const listed = pathsOf(await wmill.ResourceService.listResource({ workspace, resourceType: "thing", pathStart: "f/gen/" }));
  const there = await wmill.ResourceService.existsResource(at);
  await wmill.ResourceService.deleteResource(at);
  return [value, description, resource_type, ...values, listed, there, await wmill.ResourceService.existsResource(at)];
}

async function types() {
  const at = { workspace, path: "gentype" };
  await wmill.ResourceService.createResourceType({ workspace, requestBody: { name: at.path, schema: { type: "object" }, description: "one" } });
  await wmill.ResourceService.updateResourceType({ ...at, requestBody: { schema: { type: "object", required: ["a"] }, description: "two" } });
  const { schema, description } = await wmill.ResourceService.getResourceType(at);
  const listed = (await wmill.ResourceService.listResourceType({ workspace })).map(({ name }) => name);
  const there = await wmill.ResourceService.existsResourceType(at);
  await wmill.ResourceService.deleteResourceType(at);
  const files = await wmill.ResourceService.fileResourceTypeToFileExtMap({ workspace });
  return [schema, description, listed, there, await wmill.ResourceService.existsResourceType(at), files];
}

async function folders() {
  const at = { workspace, name: "gen" };
  await wmill.FolderService.createFolder({ workspace, requestBody: { name: "gen", summary: "one" } });
  await wmill.FolderService.updateFolder({ ...at, requestBody: { summary: "two" } });
  const found = [await wmill.FolderService.getFolder(at), ...(await wmill.FolderService.listFolders({ workspace }))].map(({ name, summary }) => [name, summary]);
  const names = await wmill.FolderService.listFolderNames({ workspace });
  const there = await wmill.FolderService.existsFolder(at);
  await wmill.FolderService.deleteFolder(at);
  return [...found, names, there, await wmill.FolderService.existsFolder(at)];
}

async function ofWorkspace() {
  const { workspace_id, is_admin } = await wmill.UserService.whoami({ workspace });
  return [workspace_id, is_admin, await wmill.WorkspaceService.listWsSpecific({ workspace })];
}

async function scripts() {
  const at = { workspace, path: "f/gen/script" };
  const content = "def main(n: int): return n * 3";
  const hash = await wmill.ScriptService.createScript({ workspace, requestBody: { path: at.path, summary: "Three", description: "", content, language: "python3" } });
  const found = [await wmill.ScriptService.getScriptByPath(at), await wmill.ScriptService.getScriptByHash({ workspace, hash })].map((one) => [one.hash === hash, one.content]);
  const listed = (await wmill.ScriptService.listScripts({ workspace, pathStart: "f/gen/" })).map(({ summary, language }) => [summary, language]);
  const result = await wmill.waitJob(await wmill.JobService.runScriptByHash({ workspace, hash, requestBody: { n: 5 } }));
  const there = await wmill.ScriptService.existsScriptByPath(at);
  await wmill.ScriptService.archiveScriptByPath(at);
  const archived = [await wmill.ScriptService.existsScriptByPath(at), (await wmill.ScriptService.getScriptByPath(at)).archived];
  return [found, listed, result, there, ...archived, await wmill.ScriptService.deleteScriptByPath(at)];
}

async function flows() {
  const at = { workspace, path: "f/gen/flow" };
  const value = { modules: [step] };
  await wmill.FlowService.createFlow({ workspace, requestBody: { path: at.path, summary: "One", value } });
  await wmill.FlowService.updateFlow({ ...at, requestBody: { path: at.path, summary: "Two", value } });
  const found = await wmill.FlowService.getFlowByPath(at);
  const listed = (await wmill.FlowService.listFlows({ workspace, pathStart: "f/gen/" })).map(({ summary }) => summary);
  const id = await wmill.JobService.runFlowByPath({ ...at, requestBody: { n: 8 } });
  const preview = await wmill.JobService.runFlowPreview({ workspace, requestBody: { value, args: { n: 9 } } });
  const results = [await wmill.waitJob(id), await wmill.waitJob(preview), await wmill.JobService.runWaitResultFlowByPath({ ...at, requestBody: { n: 10 } })];
  const there = await wmill.FlowService.existsFlowByPath(at);
  await wmill.FlowService.archiveFlowByPath({ ...at, requestBody: { archived: true } });
  await wmill.FlowService.deleteFlowByPath(at);
  return [found.summary, found.value.modules.length, listed, results, there, await wmill.FlowService.existsFlowByPath(at)];
}

async function schedules() {
  const at = { workspace, path: "f/gen/schedule" };
  const said = { schedule: "0 0 3 * * *", timezone: "UTC", args: { n: 1 } };
  await wmill.ScheduleService.createSchedule({ workspace, requestBody: { ...said, path: at.path, script_path: "f/wm/double", is_flow: false, enabled: false } });
  await wmill.ScheduleService.updateSchedule({ ...at, requestBody: { ...said, schedule: "0 0 4 * * *" } });
  await wmill.ScheduleService.setScheduleEnabled({ ...at, requestBody: { enabled: true } });
  const { schedule, script_path, enabled } = await wmill.ScheduleService.getSchedule(at);
  const listed = pathsOf(await wmill.ScheduleService.listSchedules({ workspace, pathStart: "f/gen/" }));
  const there = await wmill.ScheduleService.existsSchedule(at);
  await wmill.ScheduleService.deleteSchedule(at);
  return [schedule, script_path, enabled, listed, there, await wmill.ScheduleService.existsSchedule(at)];
}

async function triggers() {
  const at = { workspace, path: "f/gen/route" };
  const said = { path: at.path, script_path: "f/wm/double", is_flow: false, authentication_method: "none", is_static_website: false };
  await wmill.HttpTriggerService.createHttpTrigger({ workspace, requestBody: { ...said, route_path: "gen", workspaced_route: true, http_method: "get" } });
  await wmill.HttpTriggerService.updateHttpTrigger({ ...at, requestBody: { ...said, http_method: "post" } });
  const { http_method, route_path } = await wmill.HttpTriggerService.getHttpTrigger(at);
  const listed = pathsOf(await wmill.HttpTriggerService.listHttpTriggers({ workspace, pathStart: "f/gen/" }));
  const there = await wmill.HttpTriggerService.existsHttpTrigger(at);
  await wmill.HttpTriggerService.deleteHttpTrigger(at);
  return [http_method, route_path, listed, there, await wmill.HttpTriggerService.existsHttpTrigger(at)];
}

async function jobs() {
  const id = await wmill.JobService.runScriptByPath({ workspace, path: "f/wm/double", requestBody: { n: 11 } });
  const scheduledFor = new Date(Date.now() + 3600_000).toISOString();
  const late = await wmill.JobService.runScriptByPath({ workspace, path: "f/wm/double", scheduledFor, requestBody: { n: 1 } });
  await wmill.JobService.cancelQueuedJob({ workspace, id: late, requestBody: { reason: "no more" } });
  const preview = await wmill.JobService.runScriptPreview({ workspace, requestBody: { content: "def main(n: int): return n + 1", language: "python3", args: { n: 1 } } });
  const results = [await wmill.waitJob(id), await wmill.waitJob(preview)];
  const waited = await wmill.JobService.runWaitResultScriptByPath({ workspace, path: "f/wm/double", requestBody: { n: 12 } });
  const told = [await wmill.JobService.getJob({ workspace, id }), await wmill.JobService.getCompletedJob({ workspace, id })].map(({ type, success, result }) => [type, success, result]);
  const { canceled, canceled_reason } = await wmill.JobService.getJob({ workspace, id: late });
  const failed = await wmill.waitJob(await wmill.runScriptByPathAsync("f/wm/double", { n: -1 })).then(() => "", String);
  const result = await wmill.JobService.getCompletedJobResult({ workspace, id });
  return [results, waited, told, [canceled, canceled_reason], failed.includes("negative"), result, (await wmill.getRootJobId(id)) === id];
}
`;
