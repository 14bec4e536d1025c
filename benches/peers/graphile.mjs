// The empty task on graphile-worker: `node graphile.mjs work`, `… enqueue BATCH WARM COUNT` and `… prepare`.
// Who enqueues does so for WARM jobs, waits for a line on standard input, and goes on with COUNT.
//
// PEER_BATCHED: as its own performance test sets it, in one process: jobs are fetched 500 at a time into a local queue, and
// completed together. Otherwise each job is fetched and completed by itself, which is what holds if nothing is said.
import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { makeWorkerUtils, run } from "graphile-worker";

const connectionString = process.env.PEER_POSTGRES;
const batched = process.env.PEER_BATCHED === "1";
const preset = {
  worker: batched
    ? { connectionString, concurrentJobs: 24, maxPoolSize: 25, pollInterval: 2000, localQueue: { size: 500 }, completeJobBatchDelay: 0 }
    : { connectionString, concurrentJobs: 24, maxPoolSize: 25, pollInterval: 2000 },
};
const quiet = { logger: undefined };

const [what, ...numbers] = process.argv.slice(2);
if (what === "work") {
  const file = openSync(process.env.PEER_DONE, "a");
  const runner = await run({ preset, ...quiet, taskList: { empty: () => void writeSync(file, ".") } });
  await runner.promise;
} else {
  const utils = await makeWorkerUtils({ connectionString, ...quiet });
  if (what === "prepare") {
    await utils.migrate();
  } else {
    const [batch, warm, count] = numbers.map(Number);
    const enqueue = async (count) => {
      for (let left = count; left > 0; left -= batch) {
        const jobs = Math.min(left, batch);
        if (jobs === 1) {
          await utils.addJob("empty", {});
        } else {
          await utils.addJobs(Array.from({ length: jobs }, () => ({ identifier: "empty", payload: {} })));
        }
      }
    };
    await enqueue(warm);
    await once(process.stdin, "data");
    await enqueue(count);
    process.stdin.destroy();
  }
  await utils.release();
}
