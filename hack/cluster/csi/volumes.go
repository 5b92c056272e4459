package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// driver keeps the volumes. A volume is a mount in the directory, and everything known of it is what the kernel tells.
type driver struct {
	dir, socket, node string
	pool              int64 // bytes
}

// path is where the volume is mounted.
func (d *driver) path(volume string) (string, error) {
	if !filepath.IsLocal(volume) || filepath.Base(volume) != volume {
		return "", status.Errorf(codes.InvalidArgument, "%q is not a valid name of a volume", volume)
	}
	return filepath.Join(d.dir, volume), nil
}

// size is that of the mounted volume. The code of the error is NotFound if there is no such volume.
func (d *driver) size(volume string) (path string, bytes int64, err error) {
	if path, err = d.path(volume); err != nil {
		return "", 0, err
	}
	if !mounted(path) {
		return "", 0, status.Errorf(codes.NotFound, "there is no volume %q", volume)
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return "", 0, err
	}
	return path, int64(s.Blocks) * s.Bsize, nil
}

// mounted reports whether the path is the root of another file system than the directory that it is in.
func mounted(path string) bool {
	var of, in syscall.Stat_t
	return syscall.Stat(path, &of) == nil && syscall.Stat(filepath.Dir(path), &in) == nil && of.Dev != in.Dev
}

// wanted is the size that a request asks for, if the pool has it.
func (d *driver) wanted(r *csi.CapacityRange) (int64, error) {
	bytes := max(r.GetRequiredBytes(), 1<<20)
	if bytes > d.pool {
		return 0, status.Errorf(codes.OutOfRange, "the pool has %d bytes, and the volume needs %d", d.pool, bytes)
	}
	return bytes, nil
}

// unmount ends a mount and removes its directory. There may be neither.
func unmount(path string) error {
	if mounted(path) {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// controller makes and deletes volumes, and decides whether they may grow.
type controller struct {
	csi.UnimplementedControllerServer
	*driver
}

func (controller) ControllerGetCapabilities(
	context.Context, *csi.ControllerGetCapabilitiesRequest,
) (*csi.ControllerGetCapabilitiesResponse, error) {
	reply := new(csi.ControllerGetCapabilitiesResponse)
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
	} {
		reply.Capabilities = append(reply.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return reply, nil
}

func (c controller) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	bytes, err := c.wanted(r.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	path, err := c.path(r.GetName())
	if err != nil {
		return nil, err
	}
	if !mounted(path) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("mode=0755,size=%d", bytes)); err != nil {
			return nil, fmt.Errorf("mount %s: %w", path, err)
		}
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: r.GetName(), CapacityBytes: bytes}}, nil
}

func (c controller) DeleteVolume(_ context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	path, err := c.path(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	return new(csi.DeleteVolumeResponse), unmount(path)
}

func (c controller) ValidateVolumeCapabilities(
	_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest,
) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: r.GetVolumeContext(), VolumeCapabilities: r.GetVolumeCapabilities(), Parameters: r.GetParameters(),
	}}, nil
}

// ControllerExpandVolume leaves the file system to the node, as a driver of disks does.
func (c controller) ControllerExpandVolume(
	_ context.Context, r *csi.ControllerExpandVolumeRequest,
) (*csi.ControllerExpandVolumeResponse, error) {
	if _, _, err := c.size(r.GetVolumeId()); err != nil {
		return nil, err
	}
	bytes, err := c.wanted(r.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: bytes, NodeExpansionRequired: true}, nil
}

// node mounts volumes into pods, and enlarges them there.
type node struct {
	csi.UnimplementedNodeServer
	*driver
}

func (n node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.node}, nil
}

func (node) NodeGetCapabilities(
	context.Context, *csi.NodeGetCapabilitiesRequest,
) (*csi.NodeGetCapabilitiesResponse, error) {
	reply := new(csi.NodeGetCapabilitiesResponse)
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME, csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	} {
		reply.Capabilities = append(reply.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}},
		})
	}
	return reply, nil
}

func (n node) NodePublishVolume(
	_ context.Context, r *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	path, _, err := n.size(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	target := r.GetTargetPath()
	if mounted(target) {
		return new(csi.NodePublishVolumeResponse), nil
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return nil, err
	}
	if err := syscall.Mount(path, target, "", syscall.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount %s at %s: %w", path, target, err)
	}
	if r.GetReadonly() {
		if err := syscall.Mount("", target, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			return nil, errors.Join(fmt.Errorf("make %s read-only: %w", target, err), unmount(target))
		}
	}
	return new(csi.NodePublishVolumeResponse), nil
}

func (node) NodeUnpublishVolume(
	_ context.Context, r *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	return new(csi.NodeUnpublishVolumeResponse), unmount(r.GetTargetPath())
}

func (n node) NodeExpandVolume(
	_ context.Context, r *csi.NodeExpandVolumeRequest,
) (*csi.NodeExpandVolumeResponse, error) {
	path, has, err := n.size(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	bytes, err := n.wanted(r.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	if bytes > has {
		if err := syscall.Mount("", path, "", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", bytes)); err != nil {
			return nil, fmt.Errorf("enlarge %s: %w", path, err)
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: max(bytes, has)}, nil
}

func (n node) NodeGetVolumeStats(
	_ context.Context, r *csi.NodeGetVolumeStatsRequest,
) (*csi.NodeGetVolumeStatsResponse, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(r.GetVolumePath(), &s); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	bytes := func(blocks uint64) int64 { return int64(blocks) * s.Bsize }
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{
		Unit: csi.VolumeUsage_BYTES, Total: bytes(s.Blocks), Available: bytes(s.Bavail), Used: bytes(s.Blocks - s.Bfree),
	}}}, nil
}
