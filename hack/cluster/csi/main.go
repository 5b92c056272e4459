// Command csi is a driver of volumes that grow, for a cluster of one node whose host it runs on. A volume is a file
// system in the memory of that host, so that it has a size of its own and needs neither a device nor a tool.
//
//	csi -dir DIR -socket SOCKET -node NAME [-pool BYTES]
//
// The directory keeps the volumes until they are deleted. The socket must be in the directory where the kubelet looks
// for plugins.
package main

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

func main() {
	d := new(driver)
	flag.StringVar(&d.dir, "dir", "", "where the volumes are mounted")
	flag.StringVar(&d.socket, "socket", "", "the socket for the kubelet and the controllers")
	flag.StringVar(&d.node, "node", "", "the node's name")
	flag.Int64Var(&d.pool, "pool", 64<<30, "the size in bytes that no volume may exceed")
	flag.Parse()
	if err := d.serve(); err != nil {
		log.Fatal("csi: ", err)
	}
}

func (d *driver) serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.Remove(d.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", d.socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(logged))
	csi.RegisterIdentityServer(server, identity{})
	csi.RegisterControllerServer(server, controller{driver: d})
	csi.RegisterNodeServer(server, node{driver: d})
	registration.RegisterRegistrationServer(server, plugin{socket: d.socket})
	context.AfterFunc(ctx, server.GracefulStop)
	return server.Serve(listener)
}

// logged logs what changes a volume, and each refusal.
func logged(ctx context.Context, request any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	reply, err := handle(ctx, request)
	_, about := request.(interface{ GetVolumeId() string })
	_, looks := request.(*csi.NodeGetVolumeStatsRequest)
	if about && !looks || err != nil {
		log.Printf("%s %v: %v", call.FullMethod, request, status.Convert(err).Message())
	}
	return reply, err
}

// driverName is the driver's in the StorageClass, and must be that of storage.yaml.
const driverName = "memory.csi.ragpipeline.io"

type identity struct {
	csi.UnimplementedIdentityServer
}

func (identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: driverName, VendorVersion: "1"}, nil
}

func (identity) GetPluginCapabilities(
	context.Context, *csi.GetPluginCapabilitiesRequest,
) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{
		{Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{
			Type: csi.PluginCapability_Service_CONTROLLER_SERVICE,
		}}},
		{Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{
			Type: csi.PluginCapability_VolumeExpansion_ONLINE,
		}}},
	}}, nil
}

func (identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return new(csi.ProbeResponse), nil
}

// plugin tells the kubelet of the driver, as the node-driver-registrar does for others.
type plugin struct {
	registration.UnimplementedRegistrationServer
	socket string
}

func (p plugin) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: driverName, Endpoint: p.socket, SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (plugin) NotifyRegistrationStatus(
	_ context.Context, s *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !s.GetPluginRegistered() {
		return nil, status.Error(codes.FailedPrecondition, s.GetError())
	}
	return new(registration.RegistrationStatusResponse), nil
}
