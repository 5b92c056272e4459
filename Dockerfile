# The one image: one static binary that is operator, gateway, ingestion and stand-in models. `make image` packs the same
# without Docker: hack/image decides what is in it.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make layer && mkdir /image && tar -xpf bin/layer.tar -C /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/ragpipeline"]
