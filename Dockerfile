# One static binary on an empty base. Build: docker build -t faultwire .
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package faultwire-control --bin faultwire \
    && mkdir -p /image/data /image/etc/faultwire \
    && cp target/dist/faultwire /image/faultwire

FROM scratch
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
