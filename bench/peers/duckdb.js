// SPDX-License-Identifier: BSL-1.0
// Answers SQL about a file of JSON lines: node duckdb.js FILE
//
// Loads the file into a table `e` in memory, says `ready`, and then for each line of the standard
// input that is SQL, of one number, writes that number and the seconds it took. One thread.

const { DuckDBInstance } = require('@duckdb/node-api')
const readline = require('node:readline')

async function main(file) {
  const base = await DuckDBInstance.create(':memory:', { threads: '1' })
  const asked = await base.connect()
  await asked.run(`CREATE TABLE e AS SELECT * FROM read_json_auto('${file}', format = 'newline_delimited')`)
  console.log('ready')
  for await (const sql of readline.createInterface({ input: process.stdin })) {
    const start = process.hrtime.bigint()
    const rows = await (await asked.run(sql)).getRows()
    const seconds = Number(process.hrtime.bigint() - start) / 1e9
    console.log(`${rows[0][0]} ${seconds}`)
  }
}

main(process.argv[2]).catch((failure) => {
  console.error(String(failure))
  process.exit(1)
})
