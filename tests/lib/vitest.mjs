// SPDX-License-Identifier: Apache-2.0
// Runs Vitest in the current folder and ends with the result line that tests/run counts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dir = mkdtempSync(join(tmpdir(), 'parley-vitest-'))
const file = join(dir, 'result.json')
const run = spawnSync('npx', ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
let passed = 0
let failed = 0
let skipped = 0
try {
  const result = JSON.parse(readFileSync(file, 'utf8'))
  passed = result.numPassedTests
  failed = result.numFailedTests
  skipped = result.numPendingTests + result.numTodoTests
} catch {
  failed = 1
}
rmSync(dir, { recursive: true, force: true })
if (run.status !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(failed || !passed ? 1 : 0)
