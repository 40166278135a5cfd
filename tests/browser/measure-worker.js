/** What the browser itself takes for the same bytes: served beside the page while it is measured. */
self.onmessage = async ({ data: { file, bytes, pieces, how } }) => {
  const began = performance.now();
  if (how === 'header') {
    const reader = new FileReaderSync();
    for (const [offset, len] of pieces) reader.readAsArrayBuffer(file.slice(offset, offset + len));
  } else {
    await file.slice(file.size - bytes).arrayBuffer();
  }
  self.postMessage(performance.now() - began);
};
