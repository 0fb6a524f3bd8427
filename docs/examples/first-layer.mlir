// The shipped model's first layer, by tools/dev/first-layer; its weights are in test/models/kjv.
module attributes {fptq.parameters = ["model.safetensors"]} {
  ml_program.global private @"model.embed_tokens.weight"(#ml_program.extern : tensor<1024x256xf16>) : tensor<1024x256xf16>
  ml_program.global private @"model.layers.0.input_layernorm.weight"(#ml_program.extern : tensor<256xf16>) : tensor<256xf16>
  ml_program.global private @"model.layers.0.self_attn.q_proj.weight"(#ml_program.extern : tensor<256x256xf16>) : tensor<256x256xf16>
  ml_program.global private @"model.layers.0.self_attn.k_proj.weight"(#ml_program.extern : tensor<128x256xf16>) : tensor<128x256xf16>
  ml_program.global private @"model.layers.0.self_attn.v_proj.weight"(#ml_program.extern : tensor<128x256xf16>) : tensor<128x256xf16>
  ml_program.global private @"model.layers.0.self_attn.o_proj.weight"(#ml_program.extern : tensor<256x256xf16>) : tensor<256x256xf16>
  ml_program.global private @"model.layers.0.post_attention_layernorm.weight"(#ml_program.extern : tensor<256xf16>) : tensor<256xf16>
  ml_program.global private @"model.layers.0.mlp.gate_proj.weight"(#ml_program.extern : tensor<768x256xf16>) : tensor<768x256xf16>
  ml_program.global private @"model.layers.0.mlp.up_proj.weight"(#ml_program.extern : tensor<768x256xf16>) : tensor<768x256xf16>
  ml_program.global private @"model.layers.0.mlp.down_proj.weight"(#ml_program.extern : tensor<256x768xf16>) : tensor<256x768xf16>
  ml_program.global private @"rotary.cosines"(dense<"0x0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F40510A3F0E94583F6A4E733F83F67B3F98B87E3F68987F3F3CDF7F3FA3F57F3FB9FC7F3FF7FE7F3FACFF7F3FE5FF7F3FF8FF7F3FFDFF7F3FFFFF7F3F0000803F3311D5BEB2E8DC3EEC7B4E3FA5FA6F3FA5E57A3FF3617E3FF97C7F3F8ED67F3FE5F27F3FDBFB7F3FB0FE7F3F96FF7F3FDEFF7F3FF5FF7F3FFDFF7F3FFFFF7F3F26707DBFA87FEDBD572F153F296D5C3FEF90743F9E5D7C3F4FD97E3FC3A27F3F83E27F3FADF67F3F0DFD7F3F11FF7F3FB5FF7F3FE8FF7F3FF8FF7F3FFEFF7F3F305527BF9DAF20BFB12E9A3EEDEB413FA7CA6B3F098D793F69F47D3F475A7F3F94CB7F3F6CEF7F3FC2FA7F3F58FE7F3F7AFF7F3FD6FF7F3FF3FF7F3FFCFF7F3F2C3C913E403272BFD47229BCF14C213F40A9603F7CF2753F81CE7C3F1EFD7E3F19AE7F3F19E67F3FCFF77F3F69FD7F3F2EFF7F3FBEFF7F3FEBFF7F3FF9FF7F3FB8CD753F531D79BF6F3FA4BE342FF73E3249533FE290713FE3677B3F518B7E3F128A7F3FB3DA7F3F34F47F3F45FC7F3FD2FE7F3FA1FF7F3FE2FF7F3FF6FF7F3FBDFF403F604F33BFBB7419BFB9F8A33EB3CC433FC56B6C3FEAC0793FE9047E3F815F7F3F3BCD7F3FF2EF7F3FECFA7F3F65FE7F3F7EFF7F3FD7FF7F3FF3FF7F3FF6FD14BE192059BEE69151BFA22C173E5F5B323F5287663F02DA773FF1697D3F662E7F3FB2BD7F3F08EB7F3F5EF97F3FE7FD7F3F56FF7F3FCAFF7F3FEFFF7F3FD53F69BF1AEEAE3EA2E674BF3AE6F2BCD5211F3F4BE85F3FA9B3753F75BA7C3FC2F67E3F16AC7F3F76E57F3F9BF77F3F59FD7F3F29FF7F3FBCFF7F3FEBFF7F3F64CD56BF17464A3FFBF17FBF0AF152BE40510A3F0E94583F6A4E733F83F67B3F98B87E3F68987F3F3CDF7F3FA3F57F3FB9FC7F3FF7FE7F3FACFF7F3FE5FF7F3F7205913B30C97E3F8C9B71BF116FC0BEC03DE83E8790503FE4AA703F2C1E7B3FE8737E3FA8827F3F5BD87F3F76F37F3F09FC7F3FBFFE7F3F9AFF7F3FE0FF7F3FD006583F1ED4643F554F4BBFF1A908BFF586B93E35E4473FC3C96D3F81317A3FB5287E3FD76A7F3FD2D07F3F14F17F3F48FB7F3F82FE7F3F87FF7F3FDAFF7F3F6F4E683F7065043F9DD910BFE8CC2CBF9BF5883E1C963E3FC3AB6A3F9530793F00D77D3FF5507F3FA1C87F3F7DEE7F3F76FA7F3F40FE7F3F72FF7F3FD3FF7F3FD7040C3EADF999BC0F0D90BEA97C4BBFDE0B2E3EC3AD343FB151673F7D1B783FCC7E7D3F02357F3FC9BF7F3FB1EB7F3F94F97F3FF8FD7F3F5CFF7F3FCCFF7F3FE87A42BFAC890CBFF722FE3C70C163BFAADE903D30332A3F68BC633F4FF2763F1A207D3FFD167F3F49B67F3FB0E87F3FA1F87F3FABFD7F3F43FF7F3FC4FF7F3F2C2975BF12FB68BF303EAE3E4AD774BFD633EFBCDD2E1F3FD4EC5F3F23B5753FEDBA7C3FE8F67E3F22AC7F3F7AE57F3F9DF77F3F59FD7F3F29FF7F3FBCFF7F3F36E28CBE7EAB7DBF4FA91D3F44347EBFD0EF03BEB5A9133FEEE35B3F1364743F494F7C3FC3D47E3F53A17F3F0EE27F3F88F67F3F01FD7F3F0EFF7F3FB3FF7F3F840A293FBC3B44BFEB90543FC48C7FBFAAA768BE0CAD073FBFA2573F3BFF723F2EDD7B3F8EB07E3FDC957F3F6EDE7F3F62F57F3FA5FC7F3FF0FE7F3FAAFF7F3FBF1B7D3F92B89CBE0764763FEDD578BF3686A5BE2785F63E5C2A533FB786713FA1647B3F488A7E3FBE897F3F99DA7F3F2CF47F3F42FC7F3FD1FE7F3FA0FF7F3F22F0D03E78957E3EEDC77F3FF5456ABF3311D5BEB2E8DC3EEC7B4E3FA5FA6F3FA5E57A3FF3617E3FF97C7F3F8ED67F3FE5F27F3FDBFB7F3FB0FE7F3F96FF7F3FFC370CBFF50C3A3F37CE6F3F705254BF983D01BF7499C23EA198493F275B6E3F3C607A3F8F377E3F8C6F7F3F4FD27F3F8DF17F3F6EFB7F3F8EFE7F3F8BFF7F3F6FFD7FBFB3277B3F790C483F9BAC37BF02A816BFB7ACA73EBB81443F5CA86C3F6AD4793F1C0B7E3F78617F3FDBCD7F3F24F07F3FFCFA7F3F6AFE7F3F80FF7F3FBF6708BF89E86E3F05740C3FC43B15BF11912ABF46388C3E88383F3F6AE26A3F3342793F9BDC7D3FBC527F3F31C97F3FABEE7F3F85FA7F3F44FE7F3F74FF7F3FFE2DD93E0A15193FA6DB853EFE2BDCBED6C53CBFB1A4603E63BE393F7309693F9BA9783F0CAC7D3F59437F3F53C47F3F20ED7F3F08FA7F3F1DFE7F3F67FF7F3F78BF7D3F4AE0A03D57B853BDC2EE86BEBF174DBF0723283EB114343F9F1D673FA50A783F6E797D3F4F337F3F3FBF7F3F85EB7F3F86F97F3FF4FD7F3F5AFF7F3F819C253FF01CEEBEDB29B8BE42C0B5BD105D5BBF9232DE3DE63C2E3F161F653F5565773FC4447D3F9D227F3FF7B97F3FDAE97F3FFFF87F3FC9FD7F3F4DFF7F3F389395BE2A8E5DBF9FCC21BF00F6B53D467167BF83D6563D8238283F000E633FB1B9763F0D0E7D3F44117F3F79B47F3F1DE87F3F72F87F3F9CFD7F3F3FFF7F3F576D76BFB2D17FBFA77857BFC5FB863E7C3571BFD85F76BB0E09223F89EA603FBB07763F49D57C3F44FF7E3FC7AE7F3F50E67F3FE0F77F3F6EFD7F3F30FF7F3FB3803FBF984B53BF6FC677BF2B38DC3EB79078BF089675BD20B01B3FDDB45E3F784F753F799A7C3F9DEC7E3FE0A87F3F72E47F3F49F77F3F3FFD7F3F21FF7F3F18F41D3E8964CBBEDB817FBF3F41153F26707DBFA87FEDBD572F153F296D5C3FEF90743F9E5D7C3F4FD97E3FC3A27F3F83E27F3FADF67F3F0DFD7F3F11FF7F3F8E2C6A3F8DE41C3E9EE66DBF4EB1373F52C77FBF0BBA2FBE5E880E3F9D135A3F22CC733FB71E7C3F5AC57E3F729C7F3F83E07F3F0BF67F3FDAFC7F3F01FF7F3F"> : tensor<32x16xf32>) : tensor<32x16xf32>
  ml_program.global private @"rotary.sines"(dense<"0x00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000A46A573FBA7D083F3E399F3E3A23353E7675CC3DB036663D5C81013D42AB913C57D6233C5C44B83B203E4F3B2015E93A6D12833A166A133A5FCBA53953773A39B7C7683F0AF2663F1B54173FF647B23EF96F4B3E88D9E53DC870813D5CA5113D3ED4A33C9D43383CDD3DCF3B0815693B6912033B146A933A5FCB253A5377BA39C381103ED7457E3FC209503F6D2F023F6D4E973ED8EE2B3EC1FFC13D4D695A3D20B9F53CC7318A3C116E1B3CA8CFAE3B939B443B1B1FDD3A0DB1783A7ED90B3ACFBD41BFED49473FDE1D743FBC1F273FD761C73EC665643E882E013EC88D913DDBCB233DA240B83CCD3C4F3CA714E93B5812833B0E6A133B5CCBA53A52773A3A107C75BFD6DAA53E7FFC7F3FABCA463F4477F53EEE118E3E1E3C213E21DBB53DF5B64C3DFE4DE63C8185813CBBAC113CDED6A33B8C44383B313ECF3A2615693A8C0F8FBE74E56BBE4D78723F8930603F698C103FFD7DA93E6F20413EC119DA3DD19C753DBF2C0A3D466C9B3C04CF2E3C599BC43B061F5D3B05B1F83A7DD98B3A4630283F6EB636BF6FE84C3F4484723F73EB243FDF60C43E50D3603EBA46FE3D323E8F3D6031213DA652B53C2AF14B3CC75FE53BBEFC803BEC11113B6628A33A95467D3FD32D7ABF7D06133FE3317D3FA6A4373FD2A4DE3E5226803E8E2F113E51AAA33DB334383D8E38CF3C2513693C1312033CF669933B54CB253B4F77BA3A3201D33E469870BFEA1F953E2FE37F3F1D88483F9434F83E2EC28F3EFF2F233E3F12B83D88364F3DEF1DE93C781A833C3A74133C2BD7A53BBB843A3B38C6D13AF8440BBF6CE91CBF8270A9BC6B827A3FA46A573FBA7D083F3E399F3E3A23353E7675CC3DB036663D5C81013D42AB913C57D6233C5C44B83B203E4F3B2015E93A5CFF7FBFFC38C7BD2141A9BE013B6D3F2A26643FB372143F8B87AE3ECB07473E72D3E03DFB347D3D6B730E3DEE3BA03C6A38343C8AB1CA3B85F7633B0432003BD85C09BF338DE53E26911BBF2A78583F1D9A6E3F87EF1F3F2CA9BD3E3FDC583EAC2BF53D9D188A3D1D651B3D78CCAE3C719A443CB41EDD3BE8B0783B77D90B3B2220D73E041B5B3F4C1453BF86E13C3FC0AB763FEAEA2A3F409ACC3E259F6A3ED0BE043E9E95953D6956283DDF5CBD3C6BFC543CD98BEF3B25B5863BEB80173B72987D3F6CF47F3FB2A875BFD7551B3F6F467C3FFA5B353FF556DB3E0D4F7C3E64E40E3E6811A13D4647353D1EEDCB3C565E653C7CFC003CD411913B5E28233B4479263F80F9553F75E07FBFE9C7E93ED55B7F3F413A3F3F83DBE93E44F5863E4F06193EE58BAC3DAD37423D337DDA3C33C0753C0A330A3C836E9B3BD0CF2E3B106893BE3630D43E2EB870BF9284953E0EE47F3FC57D483F3624F83E15B88F3E5024233EFD04B83D95274F3D1B0DE93C0011833C9469133C31CBA53B43773A3B251E76BF6DD809BEAAB049BF0528F23DBFDD7D3F051F513FB116033F436F983E233E2D3E977CC33DF5165C3DD29CF73CDE418B3C1BA01C3CDE27B03BB41E463BB34040BF456724BFC5A80EBFE3CA72BD144E793F0517593FBAF9093F1A1AA13E8753373E9CF2CE3DC405693D2B16033DB372933CA0D6253C8984BA3B26C6513B6979193E52B673BF41F68ABE5E8F70BEB940723F535F603F70B9103FE7B7A93E3A64413EF466DA3DFBF3753DD25D0A3D7EA39B3C200D2F3C34E1C43B976D5D3BC8B6693F4BF677BF3B67293DDA6ACEBEB7C7683F0AF2663F1B54173FF647B23EF96F4B3E88D9E53DC870813D5CA5113D3ED4A33C9D43383CDD3DCF3B0815693B102F563F1BD82FBF7A36B33EB1050FBF4AFB5C3FD7C96C3F0AC81D3F97C9BA3E8376553E3F4AF13D3EE7873DC8EC183DF504AC3C177A413C849AD93B78BC743B150511BC1B4746BE27BD1F3F2D5332BF9FF94E3F01E2713F9413243F193CC33E96775F3E02B9FC3D5B5D8E3D1534203D9F35B43C8CB04A3C2BF7E33BF431803BE7A158BF8BF1B73EB707563FD90050BF89E63E3F6736763F1F352A3FCD9ECB3EF172693EDD12043E1BD3943D407B273D3E66BC3CFDE6533CCF53EE3BAB05863BFCD367BFF52F4D3F9D18773F121F67BF28EB2C3F89C3793F182B303F05F1D33E5168733E26C8093E79489B3D48C22E3DD196C43C6A1D5D3C72B0F83B62D98B3B388707BE7E357F3F64A87F3F32F376BF7835193F87867C3FF8F3353F1532DC3E77577D3E537C0F3E72BDA13D2C09363D57C7CC3CD253663C8A86013C19AD913B0837433F80A1623FB0DD6E3F6BFD7EBFE6F7033F247D7E3F458E3B3F5161E43E10A0833E562F153E0032A83DEB4F3D3DCFF7D43C358A6F3CDAB4063CD080973B0ED5743F2D41003FCE62463FD1FC7EBF89D1DA3ECAA57F3F90F8403F117EEC3E0691883E24E11A3E20A6AE3D8296443D3928DD3C93C0783C29E30B3C86549D3B2AB48A3EB6F219BD6C3B0A3F6BF176BF9183AB3E89FF7F3F7531463FAC87F43E7D7E8D3EB191203ECE19B53DF1DC4B3D9558E53C76FB803C7711113C3C28A33BE9E329BFE78810BF60BD803E2C1C67BFC7FD743E198A7F3F9E374B3F7B7DFC3E5468923EF140263E058DBB3D3523533DE288ED3CA096853CC43F163CF2FBA83BA4EF7CBF08EF6ABFA7037EBDEAFC4FBFC381103ED7457E3FC209503F6D2F023F6D4E973ED8EE2B3EC1FFC13D4D695A3D20B9F53CC7318A3C116E1B3CA8CFAE3B06DECEBE34FA7CBF3218BDBE564E32BF7C502A3DCB337C3FA5A6543F9215063FA5309C3E5C9B313EFE71C83D39AF613D4DE9FD3CECCC8E3C5C9C203C5CA3B43B"> : tensor<32x16xf32>) : tensor<32x16xf32>
  func.func @first_layer(%tokens: tensor<?xi32>) -> tensor<?x256xf32> {
    %position = arith.constant 0 : index
    %zero = arith.constant 0 : index
    %m = tensor.dim %tokens, %zero : tensor<?xi32>
    %length = arith.addi %position, %m : index
    %0 = ml_program.global_load_const @"model.embed_tokens.weight" : tensor<1024x256xf16>
    %1 = tensor.empty(%m) : tensor<?x256xf32>
    %2 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%tokens : tensor<?xi32>) outs(%1 : tensor<?x256xf32>) {
    ^bb0(%a0: i32, %o: f32):
      %i = arith.index_cast %a0 : i32 to index
      %j = linalg.index 1 : index
      %e = tensor.extract %0[%i, %j] : tensor<1024x256xf16>
      %r = arith.extf %e : f16 to f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %3 = tensor.empty(%m) : tensor<?x256xf32>
    %4 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%2 : tensor<?x256xf32>) outs(%3 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.mulf %a0, %a0 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %5 = arith.constant 0.0 : f32
    %6 = tensor.empty(%m) : tensor<?xf32>
    %7 = linalg.fill ins(%5 : f32) outs(%6 : tensor<?xf32>) -> tensor<?xf32>
    %8 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m)>], iterator_types = ["parallel", "reduction"]} ins(%4 : tensor<?x256xf32>) outs(%7 : tensor<?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.addf %a0, %o : f32
      linalg.yield %r : f32
    } -> tensor<?xf32>
    %9 = tensor.empty(%m) : tensor<?xf32>
    %10 = linalg.generic {indexing_maps = [affine_map<(m) -> (m)>, affine_map<(m) -> (m)>], iterator_types = ["parallel"]} ins(%8 : tensor<?xf32>) outs(%9 : tensor<?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %n = arith.constant 2.560000e+02 : f32
      %eps = arith.constant 1.000000e-05 : f32
      %mean = arith.divf %a0, %n : f32
      %sum = arith.addf %mean, %eps : f32
      %r = math.rsqrt %sum : f32
      linalg.yield %r : f32
    } -> tensor<?xf32>
    %11 = tensor.empty(%m) : tensor<?x256xf32>
    %12 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%2, %10 : tensor<?x256xf32>, tensor<?xf32>) outs(%11 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %13 = ml_program.global_load_const @"model.layers.0.input_layernorm.weight" : tensor<256xf16>
    %14 = tensor.empty() : tensor<256xf32>
    %15 = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]} ins(%13 : tensor<256xf16>) outs(%14 : tensor<256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<256xf32>
    %16 = tensor.empty(%m) : tensor<?x256xf32>
    %17 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (d)>, affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%15, %12 : tensor<256xf32>, tensor<?x256xf32>) outs(%16 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %18 = tensor.empty() : tensor<4x32x32xf32>
    %19 = tensor.empty() : tensor<4x32x32xf32>
    %20 = ml_program.global_load_const @"model.layers.0.self_attn.q_proj.weight" : tensor<256x256xf16>
    %21 = tensor.empty() : tensor<256x256xf32>
    %22 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%20 : tensor<256x256xf16>) outs(%21 : tensor<256x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<256x256xf32>
    %23 = arith.constant 0.0 : f32
    %24 = tensor.empty(%m) : tensor<?x256xf32>
    %25 = linalg.fill ins(%23 : f32) outs(%24 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %26 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%17, %22 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%25 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %27 = tensor.expand_shape %26 [[0], [1, 2]] output_shape [%m, 8, 32] : tensor<?x256xf32> into tensor<?x8x32xf32>
    %28 = ml_program.global_load_const @"model.layers.0.self_attn.k_proj.weight" : tensor<128x256xf16>
    %29 = tensor.empty() : tensor<128x256xf32>
    %30 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%28 : tensor<128x256xf16>) outs(%29 : tensor<128x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<128x256xf32>
    %31 = arith.constant 0.0 : f32
    %32 = tensor.empty(%m) : tensor<?x128xf32>
    %33 = linalg.fill ins(%31 : f32) outs(%32 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %34 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%17, %30 : tensor<?x256xf32>, tensor<128x256xf32>) outs(%33 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %35 = tensor.expand_shape %34 [[0], [1, 2]] output_shape [%m, 4, 32] : tensor<?x128xf32> into tensor<?x4x32xf32>
    %36 = ml_program.global_load_const @"model.layers.0.self_attn.v_proj.weight" : tensor<128x256xf16>
    %37 = tensor.empty() : tensor<128x256xf32>
    %38 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%36 : tensor<128x256xf16>) outs(%37 : tensor<128x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<128x256xf32>
    %39 = arith.constant 0.0 : f32
    %40 = tensor.empty(%m) : tensor<?x128xf32>
    %41 = linalg.fill ins(%39 : f32) outs(%40 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %42 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%17, %38 : tensor<?x256xf32>, tensor<128x256xf32>) outs(%41 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %43 = tensor.expand_shape %42 [[0], [1, 2]] output_shape [%m, 4, 32] : tensor<?x128xf32> into tensor<?x4x32xf32>
    %44 = ml_program.global_load_const @"rotary.cosines" : tensor<32x16xf32>
    %45 = ml_program.global_load_const @"rotary.sines" : tensor<32x16xf32>
    %46 = tensor.extract_slice %44[%position, 0] [%m, 16] [1, 1] : tensor<32x16xf32> to tensor<?x16xf32>
    %47 = tensor.extract_slice %45[%position, 0] [%m, 16] [1, 1] : tensor<32x16xf32> to tensor<?x16xf32>
    %48 = tensor.empty(%m) : tensor<?x8x32xf32>
    %49 = tensor.extract_slice %27[0, 0, 0] [%m, 8, 16] [1, 1, 1] : tensor<?x8x32xf32> to tensor<?x8x16xf32>
    %50 = tensor.extract_slice %27[0, 0, 16] [%m, 8, 16] [1, 1, 1] : tensor<?x8x32xf32> to tensor<?x8x16xf32>
    %51 = tensor.empty(%m) : tensor<?x8x16xf32>
    %52 = linalg.generic {indexing_maps = [affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, h, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%49, %50, %46, %47 : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) outs(%51 : tensor<?x8x16xf32>) {
    ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
      %u = arith.mulf %a0, %a2 : f32
      %w = arith.mulf %a1, %a3 : f32
      %r = arith.subf %u, %w : f32
      linalg.yield %r : f32
    } -> tensor<?x8x16xf32>
    %53 = tensor.insert_slice %52 into %48[0, 0, 0] [%m, 8, 16] [1, 1, 1] : tensor<?x8x16xf32> into tensor<?x8x32xf32>
    %54 = tensor.empty(%m) : tensor<?x8x16xf32>
    %55 = linalg.generic {indexing_maps = [affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, h, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%50, %49, %46, %47 : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) outs(%54 : tensor<?x8x16xf32>) {
    ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
      %u = arith.mulf %a0, %a2 : f32
      %w = arith.mulf %a1, %a3 : f32
      %r = arith.addf %u, %w : f32
      linalg.yield %r : f32
    } -> tensor<?x8x16xf32>
    %56 = tensor.insert_slice %55 into %53[0, 0, 16] [%m, 8, 16] [1, 1, 1] : tensor<?x8x16xf32> into tensor<?x8x32xf32>
    %57 = tensor.extract_slice %35[0, 0, 0] [%m, 4, 16] [1, 1, 1] : tensor<?x4x32xf32> to tensor<?x4x16xf32>
    %58 = tensor.extract_slice %35[0, 0, 16] [%m, 4, 16] [1, 1, 1] : tensor<?x4x32xf32> to tensor<?x4x16xf32>
    %59 = tensor.empty(%m) : tensor<4x?x16xf32>
    %60 = linalg.generic {indexing_maps = [affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (h, m, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%57, %58, %46, %47 : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) outs(%59 : tensor<4x?x16xf32>) {
    ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
      %u = arith.mulf %a0, %a2 : f32
      %w = arith.mulf %a1, %a3 : f32
      %r = arith.subf %u, %w : f32
      linalg.yield %r : f32
    } -> tensor<4x?x16xf32>
    %61 = tensor.insert_slice %60 into %18[0, %position, 0] [4, %m, 16] [1, 1, 1] : tensor<4x?x16xf32> into tensor<4x32x32xf32>
    %62 = tensor.empty(%m) : tensor<4x?x16xf32>
    %63 = linalg.generic {indexing_maps = [affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, h, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (m, i)>, affine_map<(m, h, i) -> (h, m, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%58, %57, %46, %47 : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) outs(%62 : tensor<4x?x16xf32>) {
    ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
      %u = arith.mulf %a0, %a2 : f32
      %w = arith.mulf %a1, %a3 : f32
      %r = arith.addf %u, %w : f32
      linalg.yield %r : f32
    } -> tensor<4x?x16xf32>
    %64 = tensor.insert_slice %63 into %61[0, %position, 16] [4, %m, 16] [1, 1, 1] : tensor<4x?x16xf32> into tensor<4x32x32xf32>
    %65 = tensor.empty(%m) : tensor<4x?x32xf32>
    %66 = linalg.generic {indexing_maps = [affine_map<(h, m, i) -> (m, h, i)>, affine_map<(h, m, i) -> (h, m, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%43 : tensor<?x4x32xf32>) outs(%65 : tensor<4x?x32xf32>) {
    ^bb0(%a0: f32, %o: f32):
      linalg.yield %a0 : f32
    } -> tensor<4x?x32xf32>
    %67 = tensor.insert_slice %66 into %19[0, %position, 0] [4, %m, 32] [1, 1, 1] : tensor<4x?x32xf32> into tensor<4x32x32xf32>
    %68 = tensor.extract_slice %64[0, 0, 0] [4, %length, 32] [1, 1, 1] : tensor<4x32x32xf32> to tensor<4x?x32xf32>
    %69 = tensor.extract_slice %67[0, 0, 0] [4, %length, 32] [1, 1, 1] : tensor<4x32x32xf32> to tensor<4x?x32xf32>
    %70 = tensor.expand_shape %56 [[0], [1, 2], [3]] output_shape [%m, 4, 2, 32] : tensor<?x8x32xf32> into tensor<?x4x2x32xf32>
    %71 = arith.constant 0.0 : f32
    %72 = tensor.empty(%m, %length) : tensor<4x2x?x?xf32>
    %73 = linalg.fill ins(%71 : f32) outs(%72 : tensor<4x2x?x?xf32>) -> tensor<4x2x?x?xf32>
    %74 = linalg.generic {indexing_maps = [affine_map<(h, g, m, t, d) -> (m, h, g, d)>, affine_map<(h, g, m, t, d) -> (h, t, d)>, affine_map<(h, g, m, t, d) -> (h, g, m, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%70, %68 : tensor<?x4x2x32xf32>, tensor<4x?x32xf32>) outs(%73 : tensor<4x2x?x?xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %p = arith.mulf %a0, %a1 : f32
      %r = arith.addf %o, %p : f32
      linalg.yield %r : f32
    } -> tensor<4x2x?x?xf32>
    %75 = tensor.empty(%m, %length) : tensor<4x2x?x?xf32>
    %76 = linalg.generic {indexing_maps = [affine_map<(h, g, m, t) -> (h, g, m, t)>, affine_map<(h, g, m, t) -> (h, g, m, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%74 : tensor<4x2x?x?xf32>) outs(%75 : tensor<4x2x?x?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %c = arith.constant 1.767766953e-01 : f32
      %r = arith.mulf %a0, %c : f32
      %i = linalg.index 2 : index
      %j = linalg.index 3 : index
      %last = arith.addi %i, %position : index
      %seen = arith.cmpi ule, %j, %last : index
      %never = arith.constant 0xFF800000 : f32
      %masked = arith.select %seen, %r, %never : f32
      linalg.yield %masked : f32
    } -> tensor<4x2x?x?xf32>
    %77 = arith.constant 0xFF800000 : f32
    %78 = tensor.empty(%m) : tensor<4x2x?xf32>
    %79 = linalg.fill ins(%77 : f32) outs(%78 : tensor<4x2x?xf32>) -> tensor<4x2x?xf32>
    %80 = linalg.generic {indexing_maps = [affine_map<(h, g, m, t) -> (h, g, m, t)>, affine_map<(h, g, m, t) -> (h, g, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%76 : tensor<4x2x?x?xf32>) outs(%79 : tensor<4x2x?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.maximumf %a0, %o : f32
      linalg.yield %r : f32
    } -> tensor<4x2x?xf32>
    %81 = tensor.empty(%m, %length) : tensor<4x2x?x?xf32>
    %82 = linalg.generic {indexing_maps = [affine_map<(h, g, m, t) -> (h, g, m, t)>, affine_map<(h, g, m, t) -> (h, g, m)>, affine_map<(h, g, m, t) -> (h, g, m, t)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%76, %80 : tensor<4x2x?x?xf32>, tensor<4x2x?xf32>) outs(%81 : tensor<4x2x?x?xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %d = arith.subf %a0, %a1 : f32
      %r = math.exp %d : f32
      linalg.yield %r : f32
    } -> tensor<4x2x?x?xf32>
    %83 = arith.constant 0.0 : f32
    %84 = tensor.empty(%m) : tensor<4x2x?xf32>
    %85 = linalg.fill ins(%83 : f32) outs(%84 : tensor<4x2x?xf32>) -> tensor<4x2x?xf32>
    %86 = linalg.generic {indexing_maps = [affine_map<(h, g, m, t) -> (h, g, m, t)>, affine_map<(h, g, m, t) -> (h, g, m)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%82 : tensor<4x2x?x?xf32>) outs(%85 : tensor<4x2x?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.addf %a0, %o : f32
      linalg.yield %r : f32
    } -> tensor<4x2x?xf32>
    %87 = arith.constant 0.0 : f32
    %88 = tensor.empty(%m) : tensor<?x4x2x32xf32>
    %89 = linalg.fill ins(%87 : f32) outs(%88 : tensor<?x4x2x32xf32>) -> tensor<?x4x2x32xf32>
    %90 = linalg.generic {indexing_maps = [affine_map<(h, g, m, d, t) -> (h, g, m, t)>, affine_map<(h, g, m, d, t) -> (h, t, d)>, affine_map<(h, g, m, d, t) -> (m, h, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%82, %69 : tensor<4x2x?x?xf32>, tensor<4x?x32xf32>) outs(%89 : tensor<?x4x2x32xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %p = arith.mulf %a0, %a1 : f32
      %r = arith.addf %o, %p : f32
      linalg.yield %r : f32
    } -> tensor<?x4x2x32xf32>
    %91 = tensor.empty(%m) : tensor<?x4x2x32xf32>
    %92 = linalg.generic {indexing_maps = [affine_map<(m, h, g, d) -> (m, h, g, d)>, affine_map<(m, h, g, d) -> (h, g, m)>, affine_map<(m, h, g, d) -> (m, h, g, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%90, %86 : tensor<?x4x2x32xf32>, tensor<4x2x?xf32>) outs(%91 : tensor<?x4x2x32xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.divf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x4x2x32xf32>
    %93 = tensor.collapse_shape %92 [[0], [1, 2, 3]] : tensor<?x4x2x32xf32> into tensor<?x256xf32>
    %94 = ml_program.global_load_const @"model.layers.0.self_attn.o_proj.weight" : tensor<256x256xf16>
    %95 = tensor.empty() : tensor<256x256xf32>
    %96 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%94 : tensor<256x256xf16>) outs(%95 : tensor<256x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<256x256xf32>
    %97 = arith.constant 0.0 : f32
    %98 = tensor.empty(%m) : tensor<?x256xf32>
    %99 = linalg.fill ins(%97 : f32) outs(%98 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %100 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%93, %96 : tensor<?x256xf32>, tensor<256x256xf32>) outs(%99 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %101 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%100 : tensor<?x256xf32>) outs(%2 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.addf %o, %a0 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %102 = tensor.empty(%m) : tensor<?x256xf32>
    %103 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%101 : tensor<?x256xf32>) outs(%102 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.mulf %a0, %a0 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %104 = arith.constant 0.0 : f32
    %105 = tensor.empty(%m) : tensor<?xf32>
    %106 = linalg.fill ins(%104 : f32) outs(%105 : tensor<?xf32>) -> tensor<?xf32>
    %107 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m)>], iterator_types = ["parallel", "reduction"]} ins(%103 : tensor<?x256xf32>) outs(%106 : tensor<?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.addf %a0, %o : f32
      linalg.yield %r : f32
    } -> tensor<?xf32>
    %108 = tensor.empty(%m) : tensor<?xf32>
    %109 = linalg.generic {indexing_maps = [affine_map<(m) -> (m)>, affine_map<(m) -> (m)>], iterator_types = ["parallel"]} ins(%107 : tensor<?xf32>) outs(%108 : tensor<?xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %n = arith.constant 2.560000e+02 : f32
      %eps = arith.constant 1.000000e-05 : f32
      %mean = arith.divf %a0, %n : f32
      %sum = arith.addf %mean, %eps : f32
      %r = math.rsqrt %sum : f32
      linalg.yield %r : f32
    } -> tensor<?xf32>
    %110 = tensor.empty(%m) : tensor<?x256xf32>
    %111 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%101, %109 : tensor<?x256xf32>, tensor<?xf32>) outs(%110 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %112 = ml_program.global_load_const @"model.layers.0.post_attention_layernorm.weight" : tensor<256xf16>
    %113 = tensor.empty() : tensor<256xf32>
    %114 = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]} ins(%112 : tensor<256xf16>) outs(%113 : tensor<256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<256xf32>
    %115 = tensor.empty(%m) : tensor<?x256xf32>
    %116 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (d)>, affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%114, %111 : tensor<256xf32>, tensor<?x256xf32>) outs(%115 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    %117 = ml_program.global_load_const @"model.layers.0.mlp.gate_proj.weight" : tensor<768x256xf16>
    %118 = tensor.empty() : tensor<768x256xf32>
    %119 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%117 : tensor<768x256xf16>) outs(%118 : tensor<768x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<768x256xf32>
    %120 = arith.constant 0.0 : f32
    %121 = tensor.empty(%m) : tensor<?x768xf32>
    %122 = linalg.fill ins(%120 : f32) outs(%121 : tensor<?x768xf32>) -> tensor<?x768xf32>
    %123 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%116, %119 : tensor<?x256xf32>, tensor<768x256xf32>) outs(%122 : tensor<?x768xf32>) -> tensor<?x768xf32>
    %124 = ml_program.global_load_const @"model.layers.0.mlp.up_proj.weight" : tensor<768x256xf16>
    %125 = tensor.empty() : tensor<768x256xf32>
    %126 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%124 : tensor<768x256xf16>) outs(%125 : tensor<768x256xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<768x256xf32>
    %127 = arith.constant 0.0 : f32
    %128 = tensor.empty(%m) : tensor<?x768xf32>
    %129 = linalg.fill ins(%127 : f32) outs(%128 : tensor<?x768xf32>) -> tensor<?x768xf32>
    %130 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%116, %126 : tensor<?x256xf32>, tensor<768x256xf32>) outs(%129 : tensor<?x768xf32>) -> tensor<?x768xf32>
    %131 = tensor.empty(%m) : tensor<?x768xf32>
    %132 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%123 : tensor<?x768xf32>) outs(%131 : tensor<?x768xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %one = arith.constant 1.0 : f32
      %n = arith.negf %a0 : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %r = arith.divf %one, %d : f32
      linalg.yield %r : f32
    } -> tensor<?x768xf32>
    %133 = tensor.empty(%m) : tensor<?x768xf32>
    %134 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%123, %132 : tensor<?x768xf32>, tensor<?x768xf32>) outs(%133 : tensor<?x768xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x768xf32>
    %135 = tensor.empty(%m) : tensor<?x768xf32>
    %136 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%134, %130 : tensor<?x768xf32>, tensor<?x768xf32>) outs(%135 : tensor<?x768xf32>) {
    ^bb0(%a0: f32, %a1: f32, %o: f32):
      %r = arith.mulf %a0, %a1 : f32
      linalg.yield %r : f32
    } -> tensor<?x768xf32>
    %137 = ml_program.global_load_const @"model.layers.0.mlp.down_proj.weight" : tensor<256x768xf16>
    %138 = tensor.empty() : tensor<256x768xf32>
    %139 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>, affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]} ins(%137 : tensor<256x768xf16>) outs(%138 : tensor<256x768xf32>) {
    ^bb0(%a0: f16, %o: f32):
      %r = arith.extf %a0 : f16 to f32
      linalg.yield %r : f32
    } -> tensor<256x768xf32>
    %140 = arith.constant 0.0 : f32
    %141 = tensor.empty(%m) : tensor<?x256xf32>
    %142 = linalg.fill ins(%140 : f32) outs(%141 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %143 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%136, %139 : tensor<?x768xf32>, tensor<256x768xf32>) outs(%142 : tensor<?x256xf32>) -> tensor<?x256xf32>
    %144 = linalg.generic {indexing_maps = [affine_map<(m, d) -> (m, d)>, affine_map<(m, d) -> (m, d)>], iterator_types = ["parallel", "parallel"]} ins(%143 : tensor<?x256xf32>) outs(%101 : tensor<?x256xf32>) {
    ^bb0(%a0: f32, %o: f32):
      %r = arith.addf %o, %a0 : f32
      linalg.yield %r : f32
    } -> tensor<?x256xf32>
    return %144 : tensor<?x256xf32>
  }
}
