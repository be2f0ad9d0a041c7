import { WebSocket } from 'k6/experimental/websockets';
import { Trend } from 'k6/metrics';
const latency = new Trend('message_latency', true);
export const options = {
  scenarios: { chat: { executor: 'ramping-vus', startVUs: 2, gracefulRampDown: '0s',
    stages: [{ duration: '2s', target: 2 }, { duration: '0s', target: 4 }, { duration: '2s', target: 4 }] } },
  thresholds: { message_latency: ['p(95)<500'], ws_msgs_received: ['count>1000000'] },
};
export default function () {
  const ws = new WebSocket('ws://127.0.0.1:18931/');
  ws.onopen = () => {
    const timer = setInterval(() => ws.send(JSON.stringify({ t: Date.now(), text: 'x'.repeat(200) })), 100);
    setTimeout(() => { clearInterval(timer); ws.close(); }, 1500);
  };
  ws.onmessage = (e) => latency.add(Date.now() - JSON.parse(e.data).t);
}
export function handleSummary(data) {
  return { 'summary.json': JSON.stringify(data, null, 2) };
}
