#include "textflag.h"

// func scanQuantisedAVX2(sums *int32, rows *int8, query *int16, n, width int)
TEXT ·scanQuantisedAVX2(SB), NOSPLIT, $0-40
	MOVQ sums+0(FP), DI
	MOVQ rows+8(FP), SI
	MOVQ query+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ width+32(FP), BX

row:
	VPXOR Y0, Y0, Y0 // two sums of eight
	VPXOR Y1, Y1, Y1
	XORQ  AX, AX

values: // 32 values: widen the row's to 16 bits, multiply, add neighbours to 32 bits
	VPMOVSXBW (SI)(AX*1), Y2
	VPMOVSXBW 16(SI)(AX*1), Y3
	VPMADDWD  (DX)(AX*2), Y2, Y2
	VPMADDWD  32(DX)(AX*2), Y3, Y3
	VPADDD    Y2, Y0, Y0
	VPADDD    Y3, Y1, Y1
	ADDQ      $32, AX
	CMPQ      AX, BX
	JLT       values

	VPADDD       Y1, Y0, Y0 // sixteen sums to one
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0x4E, X0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0xB1, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, (DI)

	ADDQ BX, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  row

	VZEROUPPER
	RET

// func dotFourAVX2(sums *[4]float32, query, a, b, c, d *float32, n int)
TEXT ·dotFourAVX2(SB), NOSPLIT, $0-56
	MOVQ sums+0(FP), DI
	MOVQ query+8(FP), SI
	MOVQ a+16(FP), R8
	MOVQ b+24(FP), R9
	MOVQ c+32(FP), R10
	MOVQ d+40(FP), R11
	MOVQ n+48(FP), CX

	VXORPS Y0, Y0, Y0 // two sums of eight for each row
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	XORQ   AX, AX

floats: // 16 values of each
	VMOVUPS     (SI)(AX*4), Y8
	VMOVUPS     32(SI)(AX*4), Y9
	VFMADD231PS (R8)(AX*4), Y8, Y0
	VFMADD231PS (R9)(AX*4), Y8, Y1
	VFMADD231PS (R10)(AX*4), Y8, Y2
	VFMADD231PS (R11)(AX*4), Y8, Y3
	VFMADD231PS 32(R8)(AX*4), Y9, Y4
	VFMADD231PS 32(R9)(AX*4), Y9, Y5
	VFMADD231PS 32(R10)(AX*4), Y9, Y6
	VFMADD231PS 32(R11)(AX*4), Y9, Y7
	ADDQ        $16, AX
	CMPQ        AX, CX
	JLT         floats

	VADDPS       Y4, Y0, Y0
	VADDPS       Y5, Y1, Y1
	VADDPS       Y6, Y2, Y2
	VADDPS       Y7, Y3, Y3
	VHADDPS      Y1, Y0, Y0
	VHADDPS      Y3, Y2, Y2
	VHADDPS      Y2, Y0, Y0 // a sum of each row in either half
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VMOVUPS      X0, (DI)

	VZEROUPPER
	RET

DATA signs<>+0(SB)/4, $0x80808080
GLOBL signs<>(SB), RODATA|NOPTR, $4

// func scanQuantisedVNNI(sums *int32, rows, high, low *int8, n, width int)
TEXT ·scanQuantisedVNNI(SB), NOSPLIT, $0-48
	MOVQ         sums+0(FP), DI
	MOVQ         rows+8(FP), SI
	MOVQ         high+16(FP), DX
	MOVQ         low+24(FP), R8
	MOVQ         n+32(FP), CX
	MOVQ         width+40(FP), BX
	VPBROADCASTD signs<>(SB), Z8

row:
	VPXORD Z0, Z0, Z0 // two sums of sixteen with the high bytes, and two with the low ones
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	XORQ   AX, AX

values: // twice 64 values: add 128 to the row's, multiply, add four neighbours to 32 bits
	VPXORD   (SI)(AX*1), Z8, Z4
	VPXORD   64(SI)(AX*1), Z8, Z5
	VPDPBUSD (DX)(AX*1), Z4, Z0
	VPDPBUSD 64(DX)(AX*1), Z5, Z1
	VPDPBUSD (R8)(AX*1), Z4, Z2
	VPDPBUSD 64(R8)(AX*1), Z5, Z3
	ADDQ     $128, AX
	CMPQ     AX, BX
	JLT      values

	VPADDD        Z1, Z0, Z0
	VPADDD        Z3, Z2, Z2
	VPSLLD        $8, Z0, Z0
	VPADDD        Z2, Z0, Z0
	VEXTRACTI64X4 $1, Z0, Y1 // sixteen sums to one
	VPADDD        Y1, Y0, Y0
	VEXTRACTI128  $1, Y0, X1
	VPADDD        X1, X0, X0
	VPSHUFD       $0x4E, X0, X1
	VPADDD        X1, X0, X0
	VPSHUFD       $0xB1, X0, X1
	VPADDD        X1, X0, X0
	VMOVD         X0, (DI)

	ADDQ BX, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  row

	VZEROUPPER
	RET

DATA nibbles<>+0(SB)/4, $0x0F0F0F0F
GLOBL nibbles<>(SB), RODATA|NOPTR, $4

DATA ones<>+0(SB)/4, $0x00010001
GLOBL ones<>(SB), RODATA|NOPTR, $4

// func scanCoarseAVX2(sums *int32, rows *uint8, query *int8, n, width int)
TEXT ·scanCoarseAVX2(SB), NOSPLIT, $0-40
	MOVQ         sums+0(FP), DI
	MOVQ         rows+8(FP), SI
	MOVQ         query+16(FP), DX
	MOVQ         n+24(FP), CX
	MOVQ         width+32(FP), BX
	SHRQ         $1, BX            // the bytes of a row
	VPBROADCASTD nibbles<>(SB), Y14
	VPBROADCASTD ones<>(SB), Y15

row:
	VPXOR Y0, Y0, Y0
	XORQ  AX, AX

values: // 128 values: part the nibbles, multiply, add neighbours to 16 bits, and those to 32
	VMOVDQU    (SI)(AX*1), Y2
	VMOVDQU    32(SI)(AX*1), Y3
	VPSRLW     $4, Y2, Y4
	VPSRLW     $4, Y3, Y5
	VPAND      Y14, Y2, Y2
	VPAND      Y14, Y3, Y3
	VPAND      Y14, Y4, Y4
	VPAND      Y14, Y5, Y5
	VPMADDUBSW (DX)(AX*2), Y2, Y2
	VPMADDUBSW 32(DX)(AX*2), Y3, Y3
	VPMADDUBSW 64(DX)(AX*2), Y4, Y4
	VPMADDUBSW 96(DX)(AX*2), Y5, Y5
	VPADDW     Y3, Y2, Y2          // four sums of at most 2.15.127
	VPADDW     Y5, Y4, Y4
	VPADDW     Y4, Y2, Y2
	VPMADDWD   Y15, Y2, Y2
	VPADDD     Y2, Y0, Y0
	ADDQ       $64, AX
	CMPQ       AX, BX
	JLT        values

	VEXTRACTI128 $1, Y0, X1 // eight sums to one
	VPADDD       X1, X0, X0
	VPSHUFD      $0x4E, X0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0xB1, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, (DI)

	ADDQ BX, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  row

	VZEROUPPER
	RET

// func scanCoarseVNNI(sums *int32, rows *uint8, query *int8, n, width int)
TEXT ·scanCoarseVNNI(SB), NOSPLIT, $0-40
	MOVQ         sums+0(FP), DI
	MOVQ         rows+8(FP), SI
	MOVQ         query+16(FP), DX
	MOVQ         n+24(FP), CX
	MOVQ         width+32(FP), BX
	SHRQ         $1, BX            // the bytes of a row
	VPBROADCASTD nibbles<>(SB), Z8

row:
	VPXORD Z0, Z0, Z0 // two sums of sixteen
	VPXORD Z1, Z1, Z1
	XORQ   AX, AX

values: // 128 values: part the nibbles, multiply, add four neighbours to 32 bits
	VMOVDQU32 (SI)(AX*1), Z2
	VPSRLW    $4, Z2, Z3
	VPANDD    Z8, Z2, Z2
	VPANDD    Z8, Z3, Z3
	VPDPBUSD  (DX)(AX*2), Z2, Z0
	VPDPBUSD  64(DX)(AX*2), Z3, Z1
	ADDQ      $64, AX
	CMPQ      AX, BX
	JLT       values

	VPADDD        Z1, Z0, Z0
	VEXTRACTI64X4 $1, Z0, Y1 // sixteen sums to one
	VPADDD        Y1, Y0, Y0
	VEXTRACTI128  $1, Y0, X1
	VPADDD        X1, X0, X0
	VPSHUFD       $0x4E, X0, X1
	VPADDD        X1, X0, X0
	VPSHUFD       $0xB1, X0, X1
	VPADDD        X1, X0, X0
	VMOVD         X0, (DI)

	ADDQ BX, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  row

	VZEROUPPER
	RET
