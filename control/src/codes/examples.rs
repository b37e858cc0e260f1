//! A wrong and a right text for each code. A test sees that each wrong one gets its code and no other, and each right one none.

/// Code, a text that gets it, and the same as it should be: scenarios, or lines for a shell.
pub const EXAMPLES: &[(&str, &str, &str)] = &[
    ("E0001", "proxies: {\n  redis: 26379 -> redis:6379\n", "proxies:\n  redis: 26379 -> redis:6379\n"),
    ("E0002", "proxies:\n\tredis: 26379 -> redis:6379\n", "proxies:\n  redis: 26379 -> redis:6379\n"),
    (
        "E0003",
        "proxies:\n  redis: 26379 -> redis:6379\n  redis: 26380 -> cache:6379\n",
        "proxies:\n  redis: 26379 -> redis:6379\n  cache: 26380 -> cache:6379\n",
    ),
    (
        "E0101",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, probabilty: 10% }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, probability: 10% }\n",
    ),
    (
        "E0102",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - latency: 1s\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - proxy: redis\n    latency: 1s\n",
    ),
    (
        "E0103",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, close: true }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, probability: 10% }\n  - { proxy: redis, close: true, probability: 10% }\n",
    ),
    (
        "E0104",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: redis-slow, proxy: redis, probability: 10% }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: redis-slow, proxy: redis, probability: 10%, latency: 1s }\n",
    ),
    (
        "W0105",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, probability: 0% }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, enabled: false }\n",
    ),
    (
        "E0106",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, down: true, probability: 10% }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, probability: 10% }\n",
    ),
    ("E0107", "proxies:\n  redis: redis:6379\n", "proxies:\n  redis: 26379 -> redis:6379\n"),
    ("E0108", "proxies:\n  shop: 8085 -> gopher://shop:70\n", "proxies:\n  shop: 8085 -> shop:70\n"),
    ("E0109", "proxies:\n  dns: 5353 -> udp://10.0.0.2:53\n", "proxies:\n  dns: 5353 -> 10.0.0.2:53\n"),
    (
        "E0201",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 250 }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 250ms }\n",
    ),
    (
        "E0202",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, probability: 0.1 }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, probability: 10% }\n",
    ),
    (
        "E0203",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, bandwidth: 64 }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, bandwidth: 64KiB/s }\n",
    ),
    (
        "W0204",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, match: GET /orders/.*, status: 503 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, match: GET /orders/*, status: 503 }\n",
    ),
    (
        "E0205",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, match: orders, status: 503 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, match: POST /orders, status: 503 }\n",
    ),
    (
        "E0206",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, direction: upstream }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, direction: to_server }\n",
    ),
    (
        "E0207",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, connections: old }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s, connections: existing }\n",
    ),
    (
        "E0208",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, times: twice }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, times: 2 }\n",
    ),
    (
        "E0209",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 5033 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503 }\n",
    ),
    (
        "E0210",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 429, over: 20 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 429, over: 20/s }\n",
    ),
    (
        "E0211",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, after: 1024 }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, after: 1KiB }\n",
    ),
    ("E0212", "proxies:\n  redis: 26379 => redis:6379\n", "proxies:\n  redis: 26379 -> redis:6379\n"),
    (
        "E0213",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, down: yes }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, down: true }\n",
    ),
    (
        "E0214",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, slice: 64 }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, slice: 64B }\n",
    ),
    ("E0215", "include: no-such-file.yaml\nproxies:\n  redis: 26379 -> redis:6379\n", "proxies:\n  redis: 26379 -> redis:6379\n"),
    (
        "E0301",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: reddis, latency: 1s }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, latency: 1s }\n",
    ),
    (
        "E0302",
        "proxies:\n  orders: 8081 -> orders:8080\n  stock: 8081 -> stock:8080\n",
        "proxies:\n  orders: 8081 -> orders:8080\n  stock: 8082 -> stock:8080\n",
    ),
    ("W0303", "proxies:\n  db: 35432 -> db:5432\n", "proxies:\n  db: 15432 -> db:5432\n"),
    (
        "E0304",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: slow, proxy: redis, latency: 1s }\n  - { name: slow, proxy: redis, bandwidth: 1KiB/s }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: slow, proxy: redis, latency: 1s }\n  - { name: thin, proxy: redis, bandwidth: 1KiB/s }\n",
    ),
    (
        "E0305",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: cut, proxy: redis, reset: true }\n  - { name: slow, proxy: redis, latency: 1s }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { name: slow, proxy: redis, latency: 1s }\n  - { name: cut, proxy: redis, reset: true }\n",
    ),
    ("E0306", "proxies:\n  redis: 6379 -> localhost:6379\n", "proxies:\n  redis: 26379 -> localhost:6379\n"),
    (
        "W0307",
        "# in a container\nproxies:\n  redis: 26379 -> localhost:6379\n",
        "# in a container\nproxies:\n  redis: 26379 -> redis:6379\n",
    ),
    ("E0308", "proxies:\n  redis: 26379 -> ${REDIS_HOST}:6379\n", "proxies:\n  redis: 26379 -> ${REDIS_HOST:-localhost}:6379\n"),
    (
        "W0309",
        "proxies:\n  db: 15432 -> db.prod.example:5432\nfaults:\n  - { proxy: db, down: true }\nlimits:\n  protect: [\"*.prod.example\"]\n",
        "proxies:\n  db: 15432 -> db.staging.example:5432\nfaults:\n  - { proxy: db, down: true }\nlimits:\n  protect: [\"*.prod.example\"]\n",
    ),
    (
        "E0401",
        "proxies:\n  orders: 8081 -> orders:8080\nfaults:\n  - { proxy: orders, status: 503 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503 }\n",
    ),
    (
        "E0402",
        "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - { proxy: db, loss: 10% }\n",
        "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - { proxy: db, latency: { retransmit: 10% } }\n",
    ),
    (
        "E0403",
        "proxies:\n  db: 15432 -> postgres://db\nfaults:\n  - { proxy: db, status: 503 }\n",
        "proxies:\n  db: 15432 -> postgres://db\nfaults:\n  - { proxy: db, error: deadlock_detected }\n",
    ),
    (
        "E0404",
        "proxies:\n  db: 15432 -> postgres://db\nfaults:\n  - { proxy: db, error: deadlock_detcted }\n",
        "proxies:\n  db: 15432 -> postgres://db\nfaults:\n  - { proxy: db, error: deadlock_detected }\n",
    ),
    (
        "E0405",
        "proxies:\n  redis: 26379 -> redis:6379\nexpect:\n  - error_rate(redis) < 1%\n",
        "proxies:\n  redis: 26379 -> redis://redis:6379\nexpect:\n  - error_rate(redis) < 1%\n",
    ),
    (
        "E0406",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, after: 50% }\n",
        "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - { proxy: redis, reset: true, after: 64KiB }\n",
    ),
    ("E0501", "faultwire await \"hit(redis-slow) >= 1\"\n", "faultwire await \"hits(redis-slow) >= 1\"\n"),
    ("E0502", "faultwire await \"bytes(redis) >= 64\"\n", "faultwire await \"bytes(redis) >= 64KiB\"\n"),
    (
        "E0503",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: orders gone\n    faults: [{ proxy: orders, down: true }]\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: orders gone\n    duration: 5m\n    faults: [{ proxy: orders, down: true }]\n",
    ),
    (
        "E0504",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: recovery\n    until: p95(orders) < 400ms\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: recovery\n    until: p95(orders) < 400ms\n    timeout: 5m\n",
    ),
    ("E0505", "faultwire await \"hits(redis-slow)\"\n", "faultwire await \"hits(redis-slow) >= 1\"\n"),
    (
        "W0506",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, latency: 2s }\nexpect:\n  - p95(orders) < 400ms\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, latency: 2s }\nexpect:\n  - p95.all(orders) < 3s\n",
    ),
    (
        "E0507",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - p99(orders) <= baseline + 25%\n",
        "baseline: 30s\nproxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - p99(orders) <= baseline + 25%\n",
    ),
    (
        "E0508",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - amplification(orders) <= 1.5x\n",
        "door: shop\nproxies:\n  shop: 8080 -> http://shop:8080\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - amplification(orders) <= 1.5x\n",
    ),
    (
        "E0509",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - { that: unsafe_retries(orders) == 0, xfail: SHOP-77 }\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - { that: unsafe_retries(orders) == 0, xfail: SHOP-77, until: 2027-06-30 }\n",
    ),
    (
        "E0510",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - breaker(orders) is ajar within 10s\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - breaker(orders) is open within 10s\n",
    ),
    (
        "E0511",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - p95.mine(orders) < 400ms\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - p95.upstream(orders) < 400ms\n",
    ),
    (
        "E0512",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - time_to(noticed) < 5m\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nfaults:\n  - { proxy: orders, status: 503, probability: 10% }\nexpect:\n  - time_to(detected) < 5m\n",
    ),
    (
        "E0513",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: after\n    until: recovered\n    timeout: 5m\n",
        "steady_state:\n  - error_rate(orders) < 1%\nproxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: after\n    until: recovered\n    timeout: 5m\n",
    ),
    (
        "W0514",
        "roles: { lead: ana }\nproxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: orders gone\n    duration: 5m\n    gate: approval by lead\n    faults: [{ proxy: orders, down: true }]\n",
        "roles: { lead: ana }\nabort:\n  - error_rate(orders) > 25% for 15s\nproxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: orders gone\n    duration: 5m\n    gate: approval by lead\n    faults: [{ proxy: orders, down: true }]\n",
    ),
    (
        "W0515",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: slow\n    duration: 10s\n    faults: [{ proxy: orders, latency: 30s }]\n",
        "proxies:\n  orders: 8081 -> http://orders:8080\nphases:\n  - name: slow\n    duration: 5m\n    faults: [{ proxy: orders, latency: 30s }]\n",
    ),
    (
        "E0601",
        "proxies:\n  redis: 26379 -> localhost:1  # nothing listens there\n",
        "proxies:\n  redis: 26379 -> localhost:6379  # where Redis listens\n",
    ),
];
