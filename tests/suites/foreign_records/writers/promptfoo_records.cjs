// promptfoo: results of two models on sums, a call that is refused, a grader that fails, a cache.
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const [url, out] = process.argv.slice(2);
const home = process.env.RECORDS_HOME;
const program = path.join(home, "node_modules", "promptfoo", "dist", "src", "entrypoint.js");
const version = JSON.parse(
  fs.readFileSync(path.join(home, "node_modules", "promptfoo", "package.json")),
).version;

const sum = (question, answer) => ({
  description: "sums",
  vars: { question },
  assert: [{ type: "equals", value: answer }],
});
const config = {
  description: "sums",
  prompts: ["{{question}}"],
  providers: ["gpt-4o-mini", "gpt-4o"].map((model) => ({
    id: `openai:chat:${model}`,
    config: { apiBaseUrl: url, apiKey: "none" },
  })),
  tests: [
    sum("What is 2 + 2?", "4"),
    sum("What is 3 + 2?", "5"),
    sum("CONTEXT What is 4 + 4?", "8"),
    sum("THINK What is 5 + 5?", "10"),
    sum("REFUSE What is 1 + 1?", "2"),
    {
      description: "rubric",
      vars: { question: "What is 9 + 9?" },
      assert: [{
        type: "llm-rubric",
        value: "Grade: it is 18",
        provider: { id: "openai:chat:gpt-4o", config: { apiBaseUrl: url, apiKey: "none" } },
      }],
    },
    {
      description: "broken rubric",
      vars: { question: "What is 7 + 9?" },
      assert: [{
        type: "llm-rubric",
        value: "REFUSE Grade: it is 16",
        provider: { id: "openai:chat:gpt-4o", config: { apiBaseUrl: url, apiKey: "none" } },
      }],
    },
  ],
};
fs.writeFileSync("promptfooconfig.json", JSON.stringify(config));
const env = {
  ...process.env,
  PROMPTFOO_CONFIG_DIR: path.resolve("promptfoo"),
  PROMPTFOO_DISABLE_TELEMETRY: "1",
  PROMPTFOO_DISABLE_UPDATE: "1",
  PROMPTFOO_DISABLE_REMOTE_GENERATION: "1",
  PROMPTFOO_SELF_HOSTED: "1",
};
for (const file of ["out.json", "again.json", "out.jsonl"]) {
  try {
    execFileSync(process.execPath, [
      program, "eval", "-c", "promptfooconfig.json", "-j", "1", "--no-table",
      "--no-progress-bar", "-o", path.join(out, file),
    ], { env, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    if (error.status !== 100) throw error; // 100: a test failed, as one is meant to
  }
}
fs.writeFileSync(path.join(out, "about.json"), JSON.stringify({ versions: { promptfoo: version } }, null, 1) + "\n");
