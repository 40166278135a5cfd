/** A worker of Node that the component which means harm runs in. */
import { parentPort, workerData } from 'node:worker_threads';
import * as host from '../../host/web/js/node.js';
import { attacker } from './hostile-attack.js';

const attack = attacker(host, await host.component(new URL(workerData)));
parentPort.on('message', (data) => parentPort.postMessage(attack(data)));
parentPort.postMessage('ready');
