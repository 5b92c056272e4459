# The one image: one static binary that is operator, gateway, ingestion and stand-in models. `make image` packs the same
# without Docker: hack/image decides what is in it.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /ragpipeline . \
 && go run ./hack/image -layer -o /layer.tar /ragpipeline=/ragpipeline \
 && mkdir /image && tar -xpf /layer.tar -C /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/ragpipeline"]
