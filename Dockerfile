# One static binary on an empty base.
#   docker build -t faultwire .
#   docker build -t toxiproxy --target toxiproxy .    in the place of shopify/toxiproxy
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package faultwire-control --bin faultwire \
    && mkdir -p /image/data /image/etc/faultwire /image/toxiproxy \
    && cp target/dist/faultwire /image/faultwire \
    && cp target/dist/faultwire /image/toxiproxy/toxiproxy \
    && ln -s toxiproxy /image/toxiproxy/toxiproxy-cli

# The paths, the command and the environment of shopify/toxiproxy: what runs that image runs this one. The names decide what the
# binary is, and one of them is a link, so that it is there once. As there, it runs as root: proxies may have ports below 1024.
FROM scratch AS toxiproxy
COPY --from=build /image/toxiproxy /
ENV LOG_LEVEL=info
EXPOSE 8474
ENTRYPOINT ["/toxiproxy"]
CMD ["-host=0.0.0.0"]

# The last stage is what is built when none is named.
FROM scratch AS faultwire
COPY --from=build /image/faultwire /faultwire
# Empty until somebody mounts a scenario there; it must exist all the same.
COPY --from=build /image/etc /etc
COPY --from=build --chown=65532:65532 /image/data /data
USER 65532:65532
WORKDIR /data
# Environment, and no options of a command, so that a `command:` elsewhere cannot lose them.
ENV FAULTWIRE_BIND=0.0.0.0 FAULTWIRE_API=0.0.0.0:8474 FAULTWIRE_CONFIG=/etc/faultwire FAULTWIRE_WATCH=1
EXPOSE 8474
HEALTHCHECK --interval=5s --timeout=3s --start-period=2s CMD ["/faultwire", "ready"]
ENTRYPOINT ["/faultwire"]
CMD ["serve"]
