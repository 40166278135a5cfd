/** A worker of a page that the component which means harm runs in. */
import * as host from '../../host/web/js/browser.js';
import { attacker } from './hostile-attack.js';

const attack = attacker(host, await host.component(new URL('/hostile/component/', import.meta.url)));
self.onmessage = ({ data }) => self.postMessage(attack(data));
self.postMessage('ready');
