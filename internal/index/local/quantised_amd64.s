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
