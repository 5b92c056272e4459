package charset

// What texts in the encodings that do not name themselves are made of: the characters that make up most of a text in
// their language, commonest first where the order is told. They are compiled from letter counts that are common
// knowledge, and need not be exact: a wrong reading has hardly any of them.

// commonHan are the commonest Chinese characters in simplified and in traditional form, and the commonest Kanji.
const commonHan = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里" +
	"用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与" +
	"长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加" +
	"西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女" +
	"变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书" +
	"非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识" +
	"候带导争运笔始终止合同条款甲乙双方应当责任违约期限支付金额通知员工公司部门规定申请审批负责使用安全检查维护设备操作温度" +
	"压力存储文件版本编号日期联系电话地址邮箱客户服务产品质量价格订单发票仓库采购销售合计说明注意事项管理系统项目" +
	"這個們來為國說時會對於著過發後裡種經麼學現當沒動還進樣實軍無與長機關點業將兩間問並應戰頭體見產東聲員論處義幾認條氣題" +
	"爾變總電數報結務場計資許統區隊決馬書則聽卻達強難權設記類據邊張該規萬術領確傳師觀讓識帶導爭運筆終雙責違約額門請審負檢維" +
	"護備壓儲編號聯係話郵戶質價單發票倉庫採購銷說項專營證險費稅銀網財務績紀錄議題研討論核准依則須提請假醫療貨幣標準調輸轉遞禮農廠鐵際隨應該歲臺灣顧選寫舉" +
	"日一大年中会人本月長国出上十生子分東三行同今高金時手見市力米自前円合立内二事社者地京間田体学下目五後新明方部女八心四民" +
	"対主正代言九小思七山実入回場野開万全定家北六問話文動度県水安氏和政保表道相意発不党業現成関戦世主要最化気外当理名先通物" +
	"無書強作性公的機数信取加連特経選多都点別用教解次重受制制期契約解除料品電車製作店員営室使用約束終了開始番号担当部署住所" +
	"確認必要場合以内以上未満申込手続変更届出書類提出承認管理責任者報告点検整備設定温度圧力請求支払金額納期注文在庫社員勤務休暇"

// commonHangul are the commonest Korean syllables.
const commonHangul = "이다는에의을가고하지를은기로사한도아대있자어시인리나서니일라장정스들수해제만보그전부조주과게여성상공구우면" +
	"원진동소경적국오세마신문회용선관학방연위생유안무계각교발실재화개물당미모민체내명산중비와간야바거년운행심통금조약" +
	"업것결음말때할습까지된려러네터트드크레더든분반차출처단합서입양점표현력론속법식품건설감강급등록달래머며못므반받번복불" +
	"송순술외요월은입작준직질집책천청최추축칙타토특판편평포피필한항험형호확환활황회후계약해지기간종료책임담당전화주소번호"

// Letters of alphabets, commonest first, all in lower case.
const (
	cyrillicLetters = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъіїєґўђћџљњј"
	greekLetters    = "ατοιενσρκπςμλυηδόίάήέώωγθχφβξζύψϊϋΐΰ"
	hebrewLetters   = "יוהלאתרבשמםנדעקחכפגטזסןצךףץ"
	arabicLetters   = "اليمنورتبةعدسفهكقحجشطصخىأإذضزغءثئظؤآپچکگیۀھ"
	thaiLetters     = "านรอกเงมยลวดทสตะปบคหแจพชขใไโผซถธศณฐษฟญภุูิีึืั็่้๊๋์ำๆฯ"
)

// lastLetters are those that only end words, in Greek, Hebrew and Arabic.
const lastLetters = "ςםןץףךةى"

// commonSigns are signs that stand beside words in any language.
const commonSigns = "\u00a0«»„“”‘’‚–—…•·§°€£¥±½¼¾µ×÷©®™¿¡²³¹ªº№‰†‡`´¨‹›ʼ، ؛؟、。「」『』・ー！（），：；？％～“”《》【】　＋－／．０１２３４５６７８９々"
