# The service in a small image: one binary, no root, nothing downloaded at run time.
#     docker build -t fervor . && docker run --rm -p 8080:8080 fervor
FROM rust:1.95-slim-trixie AS build
WORKDIR /fervor
COPY . .
RUN cargo build --release --locked -p fervor-cli --no-default-features --features serve

FROM debian:trixie-slim
COPY --from=build /fervor/target/release/fervor /usr/local/bin/fervor
ENV FERVOR_HOST=0.0.0.0 FERVOR_PORT=8080 FERVOR_LOG_FORMAT=json
EXPOSE 8080
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/fervor"]
CMD ["serve"]
