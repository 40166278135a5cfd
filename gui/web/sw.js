/**
 * Makes the page work offline once it was loaded, and adds the headers that let it share memory with its worker where a static
 * server does not send them. The network comes first, so that nothing is ever old.
 */
const CACHE = 'weighbridge';
const SCOPE = new URL('./', self.location);

const isolated = (response) => {
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
};

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const { files } = await (await fetch(new URL('files.json', SCOPE))).json();
      const cache = await caches.open(CACHE);
      await cache.addAll(['./', 'files.json', ...files].map((file) => new URL(file, SCOPE).href));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  // What is of other hosts, or a range of a model, is none of its affair.
  if (request.method !== 'GET' || !request.url.startsWith(SCOPE.href) || request.headers.has('Range')) return;
  event.respondWith(
    (async () => {
      const cache = await caches.open(CACHE);
      try {
        const response = await fetch(request);
        // A browser follows a redirection itself, and takes it from nobody else's hand.
        if (response.type === 'opaqueredirect') return response;
        if (response.ok && response.type === 'basic') await cache.put(request, response.clone());
        return isolated(response);
      } catch (error) {
        const kept = await cache.match(request, { ignoreSearch: true });
        if (kept) return isolated(kept);
        throw error;
      }
    })(),
  );
});
