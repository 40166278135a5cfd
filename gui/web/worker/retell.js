/** A recording told as if it happened: the updates that a live session would have sent, as far as it was recorded. */

const PAGE = 8192;

/** @param {(update: object) => void} tell */
export function tellRecording(recording, tell) {
  const { header } = recording;
  const records = recording.records();
  if (header.names?.length) tell({ Records: [{ seq: 0, at: 0, names: { first: 0, names: header.names } }] });
  const { summary, sizes } = opened(records);
  if (summary) {
    const files = sizes.map((size, at) => ({ name: `file ${at}`, size }));
    tell({ Opened: { summary, files, capabilities: header.capabilities ?? null } });
  }
  for (let at = 0; at < records.length; at += PAGE) tell({ Records: records.slice(at, at + PAGE) });
}

/** The summary and the sizes of the files, as the guest and the host told each other. */
function opened(records) {
  let summary;
  let entered;
  let source;
  const sizes = [];
  for (const record of records) {
    if (record.enter !== undefined) entered = record.enter;
    if (record.leave !== undefined && entered === 'summary') summary = record.leave.ok ?? summary;
    if (record.call !== undefined) source = record.call.stat?.source;
    const stat = record.return?.answer?.stat;
    if (stat && source < 4096) {
      while (sizes.length < source) sizes.push(0);
      sizes[source] = stat.size;
    }
  }
  return { summary, sizes };
}
