//! What is known of servers by their image, their scheme or their port. It knows no compose file and no scenario.

use std::ops::RangeInclusive;

/// What a server is to those who call it; it decides which faults are worth a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Database,
    Cache,
    Broker,
    /// Files, documents, search: few calls, large answers.
    Store,
    Web,
    /// It looks at the others, and should see them as they are.
    Tool,
}

#[derive(Debug, PartialEq)]
pub struct Kind {
    /// How images call it. The first is its name.
    words: &'static [&'static str],
    pub sort: Sort,
    /// Where it listens unless it is told otherwise; `0` is unknown.
    pub port: u16,
    /// The digit that goes in front of its port.
    pub lead: u16,
    /// How the language calls what it speaks.
    pub scheme: &'static str,
}

const fn kind(words: &'static [&'static str], sort: Sort, port: u16, lead: u16, scheme: &'static str) -> Kind {
    Kind { words, sort, port, lead, scheme }
}

/// The digit is a 1, unless that port is taken by the server itself or does not fit.
const KINDS: &[Kind] = &[
    kind(
        &["postgres", "postgresql", "postgis", "timescaledb", "pgvector", "citus", "pgbouncer", "pgpool", "alloydb"],
        Sort::Database,
        5432,
        1,
        "postgres",
    ),
    kind(&["mysql", "mariadb", "percona", "vitess"], Sort::Database, 3306, 1, "mysql"),
    kind(&["mongo", "mongodb", "ferretdb"], Sort::Database, 27017, 1, "mongodb"),
    kind(&["mssql", "sqlserver", "azure-sql-edge"], Sort::Database, 1433, 1, "tcp"),
    kind(&["oracle", "oracle-xe", "oracle-free"], Sort::Database, 1521, 1, "tcp"),
    kind(&["cockroach", "cockroachdb"], Sort::Database, 26257, 1, "postgres"),
    kind(&["cassandra", "scylla", "scylladb"], Sort::Database, 9042, 1, "tcp"),
    kind(&["clickhouse"], Sort::Database, 8123, 1, "http"),
    kind(&["neo4j"], Sort::Database, 7687, 1, "tcp"),
    kind(&["couchdb"], Sort::Database, 5984, 1, "http"),
    kind(&["influxdb"], Sort::Database, 8086, 1, "http"),
    kind(&["dynamodb"], Sort::Database, 8000, 1, "http"),
    kind(&["redis", "valkey", "keydb", "dragonfly", "dragonflydb", "garnet"], Sort::Cache, 6379, 2, "redis"),
    kind(&["memcached", "memcache"], Sort::Cache, 11211, 2, "tcp"),
    kind(&["kafka", "redpanda"], Sort::Broker, 9092, 1, "kafka"),
    // 15672 is where its own pages are.
    kind(&["rabbitmq", "lavinmq"], Sort::Broker, 5672, 2, "amqp"),
    kind(&["nats"], Sort::Broker, 4222, 1, "nats"),
    kind(&["mosquitto", "emqx", "hivemq", "mqtt"], Sort::Broker, 1883, 1, "tcp"),
    kind(&["activemq", "artemis"], Sort::Broker, 61616, 1, "tcp"),
    kind(&["pulsar"], Sort::Broker, 6650, 1, "tcp"),
    kind(&["zookeeper"], Sort::Broker, 2181, 1, "tcp"),
    kind(&["etcd"], Sort::Broker, 2379, 1, "grpc"),
    kind(&["elasticsearch", "opensearch"], Sort::Store, 9200, 1, "http"),
    kind(&["solr"], Sort::Store, 8983, 1, "http"),
    kind(&["meilisearch"], Sort::Store, 7700, 1, "http"),
    kind(&["typesense"], Sort::Store, 8108, 1, "http"),
    kind(&["qdrant"], Sort::Store, 6333, 1, "http"),
    kind(&["weaviate"], Sort::Store, 8080, 1, "http"),
    kind(&["minio"], Sort::Store, 9000, 1, "http"),
    kind(&["localstack"], Sort::Store, 4566, 1, "http"),
    kind(&["azurite"], Sort::Store, 10000, 1, "http"),
    kind(&["seaweedfs"], Sort::Store, 8333, 1, "http"),
    kind(&["ldap", "openldap"], Sort::Database, 389, 1, "tcp"),
    kind(&["mailpit", "mailhog", "mailcatcher", "maildev", "smtp", "postfix"], Sort::Broker, 1025, 1, "tcp"),
    kind(&["nginx", "httpd", "apache", "caddy", "wordpress", "nextcloud", "drupal", "joomla", "matomo"], Sort::Web, 80, 1, "http"),
    kind(&["keycloak", "wiremock", "tomcat", "jetty", "hasura", "airflow"], Sort::Web, 8080, 1, "http"),
    kind(&["mockserver"], Sort::Web, 1080, 1, "http"),
    kind(&["ghost"], Sort::Web, 2368, 1, "http"),
    kind(&["gitea", "forgejo", "postgrest", "metabase", "strapi"], Sort::Web, 3000, 1, "http"),
    kind(&["vault"], Sort::Web, 8200, 1, "http"),
    kind(&["consul"], Sort::Web, 8500, 1, "http"),
    kind(&["schema-registry", "registry"], Sort::Web, 8081, 1, "http"),
    kind(&["connect"], Sort::Web, 8083, 1, "http"),
    kind(&["rest"], Sort::Web, 8082, 1, "http"),
    kind(&["ksqldb", "ksql"], Sort::Web, 8088, 1, "http"),
    kind(&["temporal"], Sort::Web, 7233, 1, "grpc"),
    kind(
        &[
            "adminer",
            "admin",
            "pgadmin",
            "pgadmin4",
            "phpmyadmin",
            "cloudbeaver",
            "express",
            "commander",
            "redisinsight",
            "insight",
            "exporter",
            "ui",
            "console",
            "kafdrop",
            "akhq",
            "manager",
            "dashboard",
            "kibana",
            "grafana",
            "prometheus",
            "alertmanager",
            "loki",
            "promtail",
            "tempo",
            "jaeger",
            "zipkin",
            "otel",
            "collector",
            "alloy",
            "fluentd",
            "fluentbit",
            "vector",
            "logstash",
            "filebeat",
            "cadvisor",
            "portainer",
            "watchtower",
            "autoheal",
            "dozzle",
            "toxiproxy",
            "faultwire",
            "pumba",
            "traefik",
            "backup",
            "mc",
            "box",
            "tools",
            "cli",
            "certbot",
            "ryuk",
            "sentry",
            "bunkerweb",
            "migrate",
            "flyway",
            "liquibase",
        ],
        Sort::Tool,
        0,
        1,
        "tcp",
    ),
];

/// Something that nobody has heard of.
pub const UNKNOWN: Kind = kind(&["service"], Sort::Web, 0, 1, "tcp");

/// By its image: `bitnami/redis:7.2` is a Redis, `redis/redisinsight` is not. Its own name says more than that of whoever made it.
pub fn of_image(image: &str) -> Option<&'static Kind> {
    let path = image.split('@').next().unwrap_or_default();
    // A colon behind the last slash begins the tag; one before it is the port of a registry.
    let name_at = path.rfind('/').map_or(0, |at| at + 1);
    let path = path[name_at..].find(':').map_or(path, |at| &path[..name_at + at]).to_ascii_lowercase();
    let mut parts = path.rsplit('/').filter(|part| !part.contains(['.', ':']));
    parts.find_map(of_name)
}

/// By a name such as `cp-kafka` or `postgres-exporter`: whole, or else by its words, of which the last says most.
fn of_name(name: &str) -> Option<&'static Kind> {
    of_word(name).or_else(|| name.rsplit(['-', '_']).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit())).find_map(of_word))
}

pub fn of_word(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.words.contains(&word))
}

/// By the scheme of a URL, if what it begins is not encrypted; `Err` is one that is.
pub fn of_scheme(scheme: &str) -> Option<Result<&'static Kind, ()>> {
    Some(match scheme {
        "https" | "rediss" | "amqps" | "grpcs" | "wss" | "mqtts" | "ldaps" | "tls" | "ssl" | "sasl_ssl" | "smtps" => Err(()),
        "http" | "ws" => of_word("nginx").ok_or(()),
        "amqp" => of_word("rabbitmq").ok_or(()),
        "mongodb" => of_word("mongo").ok_or(()),
        "elasticsearch" | "es" => of_word("elasticsearch").ok_or(()),
        "tcp" => return None,
        scheme => Ok(of_word(scheme).filter(|kind| kind.sort != Sort::Tool)?),
    })
}

/// By the port it has in every other place.
pub fn of_port(port: u16) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.port == port && port != 0 && kind.sort != Sort::Web && !["http", "grpc"].contains(&kind.scheme))
}

/// Whether a container's port is one where pages and APIs are served.
pub fn is_web(port: u16) -> bool {
    const RANGES: [RangeInclusive<u16>; 4] = [3000..=3999, 4000..=5999, 7000..=9999, 10000..=10099];
    // Databases, and where debuggers listen.
    const OTHER: [u16; 12] = [3306, 4222, 5005, 5432, 5671, 5672, 5678, 7687, 8443, 9042, 9092, 9229];
    matches!(port, 80 | 1337 | 2368) || (RANGES.iter().any(|range| range.contains(&port)) && !OTHER.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_recognised_by_what_they_are() {
        for (image, name) in [
            ("postgres", "postgres"),
            ("postgres:16-alpine", "postgres"),
            ("docker.io/library/postgres:16@sha256:abc", "postgres"),
            ("localhost:5000/team/postgis:16", "postgres"),
            ("bitnami/redis:7.2", "redis"),
            ("redis/redis-stack:latest", "redis"),
            ("valkey/valkey", "redis"),
            ("confluentinc/cp-kafka:7.6.0", "kafka"),
            ("confluentinc/cp-schema-registry", "schema-registry"),
            ("confluentinc/cp-kafka-connect", "connect"),
            ("percona/percona-server-mongodb", "mongo"),
            ("mcr.microsoft.com/mssql/server:2022-latest", "mssql"),
            ("docker.elastic.co/elasticsearch/elasticsearch:8.13.0", "elasticsearch"),
            ("rabbitmq:3-management", "rabbitmq"),
            ("minio/minio", "minio"),
            ("neo4j:5", "neo4j"),
            ("dpage/pgadmin4", "adminer"),
            ("redis/redisinsight", "adminer"),
            ("prometheuscommunity/postgres-exporter", "adminer"),
            ("provectuslabs/kafka-ui", "adminer"),
            ("minio/mc", "adminer"),
            ("mongo-express", "adminer"),
        ] {
            assert_eq!(of_image(image).map(|kind| kind.words[0]), Some(name), "{image}");
        }
        for image in ["", ":", "/", "example/orders:3", "redis.example.com/shop/web", "shop", "@", "a/b/c:d"] {
            assert_eq!(of_image(image), None, "{image}");
        }
    }

    #[test]
    fn ports_and_schemes() {
        assert!(is_web(8080) && is_web(80) && is_web(3000) && !is_web(5432) && !is_web(22) && !is_web(6379) && !is_web(9229));
        assert_eq!(of_port(6379).map(|kind| kind.sort), Some(Sort::Cache));
        assert_eq!(of_port(8080), None);
        assert_eq!(of_scheme("rediss"), Some(Err(())));
        assert_eq!(of_scheme("postgresql").and_then(Result::ok).map(|kind| kind.port), Some(5432));
        assert_eq!(of_scheme("file"), None);
    }

    #[test]
    fn a_word_means_one_thing() {
        let mut words: Vec<&str> = KINDS.iter().flat_map(|kind| kind.words).copied().collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
