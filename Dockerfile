# The one image: one static binary that is operator, gateway, ingestion and stand-in models.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /ragpipeline .

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /ragpipeline /ragpipeline
USER 65532:65532
ENTRYPOINT ["/ragpipeline"]
